"""Looking things up in compiled code: the best items of users, and what drawn pairs are."""

from __future__ import annotations

from collections.abc import Sequence
from ctypes import POINTER, Structure, byref, c_float, c_int32, c_int64, c_uint8
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullrank.native.build import kernel, pointer

_LINE = 16
"""Numbers in a line of the processor's cache."""
_WORTH = 2**20
"""Bytes of a table for which another thread is worth starting."""


class _Excluded(Structure):
    _fields_ = [("indptr", POINTER(c_int64)), ("items", POINTER(c_int32))]


class _TopK(Structure):
    _fields_ = [
        *((name, c_int64) for name in ("dim", "n_items", "n_users", "k", "threads", "n_excluded")),
        ("user_table", POINTER(c_float)),
        ("panels", POINTER(c_float)),
        ("users", POINTER(c_int64)),
        ("excluded", POINTER(_Excluded)),
        ("candidates", POINTER(c_uint8)),
        ("items", POINTER(c_int32)),
        ("scores", POINTER(c_float)),
    ]


class PackedItems:
    """A copy of an item table in the order in which `top_k` reads it, panels of neighbouring items.

    It takes the memory of the table once more, and the time of about five searches for one user.

    Args:
        table: (n_items, d).
        threads: Threads that share the work, on a table that is worth them.
    """

    def __init__(self, table: NDArray[np.float32], threads: int) -> None:
        self.n_items, self.dim = table.shape
        self.width: int = kernel("panel_items")()
        size = -(-self.n_items // self.width) * self.width * self.dim
        room = np.empty(size + _LINE, dtype=np.float32)
        start = -room.ctypes.data // room.itemsize % _LINE
        self.panels = room[start : start + size]
        pack = kernel("pack")
        pack.restype = c_int64
        refused = pack(
            pointer(table, np.float32, c_float),
            c_int64(self.n_items),
            c_int64(self.dim),
            pointer(self.panels, np.float32, c_float),
            c_int64(min(threads, 1 + table.nbytes // _WORTH)),
        )
        if refused:
            raise MemoryError(f"packing {self.n_items:,} items: no memory or no thread to be had")


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
    best = np.empty((len(users), k), dtype=np.int32)
    scores = np.empty((len(users), k), dtype=np.float32)
    masks = (_Excluded * max(len(excluded), 1))()
    for mask, (indptr, indices) in zip(masks, excluded, strict=False):
        mask.indptr = pointer(indptr, np.int64, c_int64)
        mask.items = pointer(indices, np.int32, c_int32)
    job = _TopK(items.dim, items.n_items, len(users), k, threads, len(excluded))
    job.user_table = pointer(user_table, np.float32, c_float)
    job.panels = pointer(items.panels, np.float32, c_float)
    job.users = pointer(users, np.int64, c_int64)
    job.excluded = masks
    job.items = pointer(best, np.int32, c_int32)
    job.scores = pointer(scores, np.float32, c_float)
    if candidates is not None:
        job.candidates = pointer(candidates.view(np.uint8), np.uint8, c_uint8)
    run: Any = kernel("top_k")
    run.restype = c_int64
    bad = run(byref(job))
    return best, scores, None if bad < 0 else bad


def unpack(
    pairs: NDArray[np.int64], cells: NDArray[np.int64], threads: int = 1
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Upper and lower half of ``pairs[cells]``, (n,) each: user and item rows."""
    users, items = np.empty_like(cells), np.empty_like(cells)
    arrays = [pointer(each, np.int64, c_int64) for each in (pairs, cells, users, items)]
    kernel("unpack")(*arrays[:2], c_int64(len(cells)), c_int64(threads), *arrays[2:])
    return users, items


def observed(
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    users: NDArray[np.int64],
    items: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """(n,) whether each item is among the ascending ``indices`` of each user."""
    found = np.empty(len(users), dtype=bool)
    kernel("observed")(
        pointer(indptr, np.int64, c_int64),
        pointer(indices, np.int32, c_int32),
        pointer(users, np.int64, c_int64),
        pointer(items, np.int64, c_int64),
        c_int64(len(users)),
        pointer(found.view(np.uint8), np.uint8, c_uint8),
    )
    return found
