"""Looking things up in compiled code: the best items of users, and what drawn pairs are."""

from __future__ import annotations

from collections.abc import Sequence
from ctypes import byref, c_int64

import numpy as np
from numpy.typing import NDArray

from fullrank.native import abi
from fullrank.native.build import kernel

_MOST_ITEMS = np.iinfo(np.int32).max
_LINE = 16
"""Numbers in a line of the processor's cache."""
_WORTH = 2**20
"""Bytes of a table for which another thread is worth starting."""


class PackedItems:
    """A copy of an item table in the order in which `top_k` reads it, panels of neighbouring items.

    It takes the memory of the table once more, and the time of about five searches for one user.

    Args:
        table: (n_items, d).
        threads: Threads that share the work, on a table that is worth them.
    """

    def __init__(self, table: NDArray[np.float32], threads: int) -> None:
        size = self._measure(table.shape)
        room = np.empty(size + _LINE, dtype=np.float32)
        start = -room.ctypes.data // room.itemsize % _LINE
        self.panels = room[start : start + size]
        abi.call(
            "pack",
            abi.array("item table", table, np.float32, table.shape),
            c_int64(self.n_items),
            c_int64(self.dim),
            abi.array("panels", self.panels, np.float32, (size,), written=True),
            c_int64(abi.team_size(min(threads, 1 + table.nbytes // _WORTH))),
        )

    def _measure(self, shape: tuple[int, ...]) -> int:
        """Takes the shape of a table, and returns how many numbers its panels hold."""
        self.n_items, self.dim = shape
        if self.n_items > _MOST_ITEMS:
            found = f"{self.n_items} rows"
            raise ValueError(f"item table: found {found}; expected at most {_MOST_ITEMS}")
        self.width = int(kernel("panel_items")())
        return -(-self.n_items // self.width) * self.width * self.dim

    @classmethod
    def of_panels(cls, panels: NDArray[np.float32], shape: tuple[int, int]) -> PackedItems:
        """Of panels that were packed before, by the same kernels, from a table of this shape.

        Raises:
            ValueError: they are not as many numbers, or do not begin at a line of the cache.
        """
        made = cls.__new__(cls)
        size = made._measure(shape)
        if panels.shape != (size,) or panels.ctypes.data % (_LINE * panels.itemsize):
            raise ValueError(f"panels: found {panels.shape}; expected ({size},), aligned")
        made.panels = panels
        return made


def top_k(
    user_table: NDArray[np.float32],
    items: PackedItems,
    users: NDArray[np.int64],
    k: int,
    threads: int,
    *,
    excluded: Sequence[tuple[NDArray[np.int64], NDArray[np.int32]]] = (),
    candidates: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.int32], NDArray[np.float32], int | None]:
    """The k items of highest inner product for each of ``users``, equal ones by item row.

    Args:
        user_table: (n_users, d).
        items: The item table, packed.
        users: (U,) rows of the user table.
        k: Items to return for each.
        threads: Threads that share the work, on a search that is worth them. The result does not
            depend on their number, nor that of one user on who else is asked for.
        excluded: CSR (indptr by user row, item rows ascending) of items not to return.
        candidates: (n_items,) items that may be returned.

    Returns:
        (U, k) items, -1 where none is left; (U, k) scores, -inf there; and the position of a user
        with a score that is not a number, if there is one.
    """
    n_rows, dim = user_table.shape
    if not 1 <= k <= _MOST_ITEMS:
        raise ValueError(f"k: found {k}; expected 1 to {_MOST_ITEMS}")
    best = np.empty((len(users), k), dtype=np.int32)
    scores = np.empty((len(users), k), dtype=np.float32)
    masks = (abi.Csr * max(len(excluded), 1))()
    for at, (indptr, indices) in enumerate(excluded):
        masks[at] = abi.csr("excluded items", indptr, indices)
    threads = abi.team_size(threads)
    job = abi.TopK(dim, items.n_items, len(users), k, threads, len(excluded), n_rows)
    job.user_table = abi.array("user table", user_table, np.float32, (n_rows, items.dim))
    job.panels = abi.array("panels", items.panels, np.float32, items.panels.shape)
    job.users = abi.array("users", users, np.int64, (len(users),))
    job.excluded = masks
    job.items = abi.array("items", best, np.int32, best.shape)
    job.scores = abi.array("scores", scores, np.float32, scores.shape)
    if candidates is not None:
        shape = (items.n_items,)
        job.candidates = abi.array("candidates", candidates.view(np.uint8), np.uint8, shape)
    nan = c_int64(-1)
    abi.call("top_k", byref(job), byref(nan))
    return best, scores, None if nan.value < 0 else nan.value


def unpack(
    pairs: NDArray[np.int64], entries: NDArray[np.int64], threads: int = 1
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Upper and lower half of ``pairs[entries]``, (n,) each: user and item rows."""
    n = len(entries)
    users, items = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    abi.call(
        "unpack",
        abi.array("pairs", pairs, np.int64, (len(pairs),)),
        c_int64(len(pairs)),
        abi.array("entries", entries, np.int64, (n,)),
        c_int64(n),
        c_int64(abi.team_size(threads)),
        abi.array("users", users, np.int64, (n,)),
        abi.array("items", items, np.int64, (n,)),
    )
    return users, items


def observed(
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    users: NDArray[np.int64],
    items: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """(n,) whether each item is among the ascending ``indices`` of each user."""
    n = len(users)
    found = np.empty(n, dtype=bool)
    abi.call(
        "observed",
        byref(abi.csr("the interactions", indptr, indices)),
        abi.array("users", users, np.int64, (n,)),
        abi.array("items", items, np.int64, (n,)),
        c_int64(n),
        abi.array("found", found.view(np.uint8), np.uint8, (n,)),
    )
    return found
