"""Items of users by position, as `top_k` leaves them out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullrank.serving.top_k import Left, cells_of


@dataclass(frozen=True)
class Cells:
    """A sparse matrix of positions × items, items ascending and once in a row."""

    indptr: NDArray[np.int64]
    item_idx: NDArray[np.int32]
    n_items: int

    @property
    def n_users(self) -> int:
        """Positions."""
        return len(self.indptr) - 1

    @classmethod
    def of(cls, position: NDArray[Any], item: NDArray[Any], n: int, n_items: int) -> Cells:
        """From pairs in any order, for n positions."""
        key = np.unique(position.astype(np.int64) * n_items + item)
        indptr = np.searchsorted(key, np.arange(n + 1, dtype=np.int64) * n_items)
        return cls(indptr, (key % max(n_items, 1)).astype(np.int32), n_items)

    def at(self, rows: NDArray[np.int64]) -> Cells:
        """Those of some rows; -1 has none."""
        return cells_at(self, rows)


def cells_at(left: Left, rows: NDArray[np.int64]) -> Cells:
    """The items of some users of a table; row -1 has none."""
    known = rows >= 0
    position, items = cells_of(left, rows[known])
    counts = np.zeros(len(rows) + 1, dtype=np.int64)
    counts[1:][known] = np.bincount(position, minlength=int(known.sum()))
    return Cells(np.cumsum(counts), items, left.n_items)


def others(allowed: Cells, named: NDArray[np.bool_]) -> Cells:
    """All items but those allowed, for the positions that are ``named``; nothing for the others."""
    hidden = np.zeros((allowed.n_users, allowed.n_items), dtype=np.bool_)
    hidden[named] = True
    position = np.repeat(np.arange(allowed.n_users), np.diff(allowed.indptr))
    hidden[position, allowed.item_idx] = False
    at, item = np.nonzero(hidden)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(at, minlength=allowed.n_users))])
    return Cells(indptr, item.astype(np.int32), allowed.n_items)
