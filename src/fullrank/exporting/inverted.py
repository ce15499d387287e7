"""Inverted lists of faiss that answer in steady bits and are mapped by many processes.

Items lie in lists around centres; a search looks into those whose centres are nearest. The more
it looks into, the higher the recall, up to all of them and 1: a graph has no such end. The lists
are built in a fraction of a graph's time, and faiss maps them from a file.
"""

from __future__ import annotations

import math
import sys
import threading
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from fullrank import native
from fullrank.data.plain_names import plain_name
from fullrank.exporting.geometry import extended
from fullrank.exporting.indexes import inverted
from fullrank.exporting.vectors import Floats
from fullrank.extras import library

ITERATIONS, POINTS = 8, 40
"""Of k-means, and the items for each centre that it looks at: enough for lists of like sizes."""
MOST_LISTS = 8192
WORTH = 1 << 26
"""Products of numbers in a search that are worth a second thread, some milliseconds of one."""


class InvertedLists:
    """Lists of items around unit centres; see `extended` for the dimension that is added.

    The centres are compared by the kernels of `fullrank.native`, so that the lists that are
    searched for a user do not depend on who else is asked for.

    Args:
        index: An ``IndexIVFFlat`` of faiss.
    """

    def __init__(self, index: Any) -> None:
        self._index = index
        self._centres = native.PackedItems(
            index.quantizer.reconstruct_n(0, index.nlist), torch.get_num_threads()
        )
        self._lock = threading.Lock()  # how many lists are searched is a state of faiss's index

    @classmethod
    def of(cls, items: Floats) -> Self:
        """Lists of the rows of a table: 4 √n, up to `MOST_LISTS`.

        Shapes: ``items`` (n, d). Takes the memory of the table twice, and once more for the lists.

        Raises:
            SettingError: faiss is missing.
        """
        faiss = library("faiss", "--ann")
        rows = extended(items[:0], items, "cosine")[1]
        length = math.sqrt(float(np.square(rows[:1], dtype=np.float64).sum()))
        rows /= np.float32(length or 1.0)  # all have the length of the longest item
        index = inverted(
            rows, "cosine", min(len(rows), MOST_LISTS, math.ceil(4 * len(rows) ** 0.5))
        )
        index.cp.spherical = True
        index.cp.niter, index.cp.max_points_per_centroid = ITERATIONS, POINTS
        faiss.omp_set_num_threads(torch.get_num_threads())
        index.train(rows)
        index.add(rows)
        return cls(index)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Lists of a file of `write`, mapped where the system can.

        Raises:
            RuntimeError: faiss cannot read it. The file must be whole: what is missing of a list is
                found out by a signal that ends the process.
        """
        faiss = library("faiss", "--ann")
        with plain_name(path) as name:
            flags = 0 if sys.platform == "win32" else faiss.IO_FLAG_MMAP
            return cls(faiss.read_index(str(name), flags))

    def write(self, path: Path) -> None:
        """Writes a file of ``faiss.read_index``."""
        with plain_name(path) as name:
            library("faiss", "--ann").write_index(self._index, str(name))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the table that it is of."""
        return int(self._index.ntotal), int(self._index.d) - 1

    @property
    def n_lists(self) -> int:
        """Lists that there are."""
        return int(self._index.nlist)

    def nearest(self, users: Floats, m: int, searched: int) -> NDArray[np.int64]:
        """(b, m) rows of largest inner product among those in some lists, -1 where they hold fewer.

        Args:
            users: (b, d)
            m: Rows for each user.
            searched: Lists to search for each user.
        """
        asked = np.hstack([users, np.zeros((len(users), 1), dtype=np.float32)])
        every, threads = np.arange(len(asked)), torch.get_num_threads()
        lists, closeness, _ = native.top_k(asked, self._centres, every, searched, threads)
        work = len(users) * searched * self._index.ntotal / self.n_lists * self._index.d
        # Threads of OpenMP that wait for another burn a core meanwhile.
        library("faiss", "--ann").omp_set_num_threads(threads if work > WORTH else 1)
        with self._lock:
            self._index.nprobe = searched
            found: NDArray[np.int64] = self._index.search_preassigned(asked, m, lists, closeness)[1]
        return found
