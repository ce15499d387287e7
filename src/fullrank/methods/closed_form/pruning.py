"""Item × item matrices in sparse form: products a block of rows at a time, the largest entries."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from fullrank.data.interactions import Interactions
from fullrank.data.memory import check_memory

ROWS = 1024
"""Rows of an item × item product that are made at a time."""
ENTRY = 8
"""Bytes of a stored entry: its value and its column."""


def row_blocks(left: sp.csr_array, right: sp.csr_array) -> Iterator[tuple[slice, sp.csr_array]]:
    """The rows of ``left @ right``, a block at a time, columns ascending, with their numbers."""
    for start in range(0, left.shape[0], ROWS):
        rows = slice(start, min(start + ROWS, left.shape[0]))
        block = sp.csr_array(left[rows] @ right)
        block.sort_indices()
        yield rows, block


def without_diagonal(block: sp.csr_array, rows: slice) -> sp.csr_array:
    """A block of rows, with zero stored where an item meets itself."""
    block.data[_row_numbers(block) + rows.start == block.indices] = 0
    return block


def largest_of_rows(block: sp.csr_array, k: int) -> sp.csr_array:
    """The k largest positive entries of each row; of equal ones those of the first columns."""
    block.sort_indices()
    kept = block.data > 0
    for row in np.flatnonzero(np.diff(block.indptr) > k):
        entries = slice(block.indptr[row], block.indptr[row + 1])
        kept[entries] &= _largest(block.data[entries], k)
    counts = np.bincount(_row_numbers(block)[kept], minlength=block.shape[0])
    indptr = np.concatenate(([0], np.cumsum(counts)))
    return sp.csr_array((block.data[kept], block.indices[kept], indptr), shape=block.shape)


def check_neighbours(data: Interactions, neighbours: int | None) -> None:
    """Sees that an item × item matrix with so many entries a row fits; all of them if None.

    Raises:
        SettingError: it does not. There are no more entries than pairs of items that users have.
    """
    n = data.n_items
    entries = min(int((data.user_degree.astype(np.float64) ** 2).sum()), n**2)
    if neighbours is not None:
        entries = min(entries, n * neighbours)
    found = f"up to {entries:,} weights between {n:,} items"
    check_memory("setting neighbours", 2 * ENTRY * entries, found)  # twice: blocks, then the whole


def _largest(values: NDArray[np.float32], k: int) -> NDArray[np.bool_]:
    """Which of the values are the k largest, first ones of equals."""
    least = np.partition(values, len(values) - k)[len(values) - k]
    kept: NDArray[np.bool_] = values > least
    kept[np.flatnonzero(values == least)[: k - int(kept.sum())]] = True
    return kept


def _row_numbers(block: sp.csr_array) -> NDArray[np.int64]:
    return np.repeat(np.arange(block.shape[0]), np.diff(block.indptr))
