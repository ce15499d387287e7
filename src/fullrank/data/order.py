"""Arrays of pairs in the order of a CSR matrix: merging, starts of rows, distinct keys."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from fullrank.data.blocks import blocks
from fullrank.data.positive import float32, positive

T = TypeVar("T", bound=np.generic)


class Pairs(NamedTuple):
    """The arrays of an `Interactions` table, in its order."""

    indptr: NDArray[np.int64]
    item_idx: NDArray[np.int32]
    weight: NDArray[np.float32] | None = None
    timestamp: NDArray[Any] | None = None
    merged: int = 0
    rows: NDArray[np.int64] | None = None
    """Input rows of each pair, where some pairs had several."""


def merged_pairs(
    n_users: int,
    user_idx: NDArray[Any],
    item_idx: NDArray[Any],
    weight: NDArray[Any] | None,
    timestamp: NDArray[Any] | None,
) -> Pairs:
    """Pairs of row numbers in range, in any order: sorted, repeated ones merged and counted.

    A pair of weight zero is no interaction.
    """
    if weight is not None:
        user_idx, item_idx, weight, timestamp = positive(user_idx, item_idx, weight, timestamp)
    merged, each, rows = 0, item_idx, None
    if ascending(user_idx, item_idx):
        indptr = row_starts(user_idx, n_users)
    else:
        key = (user_idx.astype(np.int64) << 32) | item_idx.astype(np.int64)
        key, starts, order = sorted_keys(key, ordered=weight is not None or timestamp is not None)
        merged = len(user_idx) - len(starts)
        rows = np.diff(starts, append=len(user_idx)) if merged else None
        if weight is not None:
            with np.errstate(over="ignore"):  # `float32` refuses what is too large
                weight = np.add.reduceat(weight[order], starts)
        if timestamp is not None:
            timestamp = np.minimum.reduceat(timestamp[order], starts)
        indptr = np.searchsorted(key, np.arange(n_users + 1, dtype=np.int64) << 32)
        each = key & 0xFFFFFFFF
    weight = None if weight is None else float32(weight)
    return Pairs(indptr, each.astype(np.int32), weight, timestamp, merged, rows)


def read_only(array: NDArray[T]) -> NDArray[T]:
    """The same memory; whoever made the array may still write to it by the name it has there."""
    view = np.asarray(array).view()
    view.flags.writeable = False
    return view


def ascending(user_idx: NDArray[Any], item_idx: NDArray[Any]) -> bool:
    """Whether the pairs are in order, by user and then by item, each there once."""
    for block in blocks(len(user_idx)):
        with_last = slice(max(block.start - 1, 0), block.stop)
        key = (user_idx[with_last].astype(np.int64) << 32) | item_idx[with_last].astype(np.int64)
        if not (key[1:] > key[:-1]).all():
            return False
    return True


def row_starts(user_idx: NDArray[Any], n_users: int) -> NDArray[np.int64]:
    """Where the interactions of each user start, of user rows in order; one more at the end."""
    degrees = np.zeros(n_users + 1, dtype=np.int64)
    for block in blocks(len(user_idx)):
        rows = user_idx[block]
        first, last = rows[0], rows[-1]
        degrees[first + 1 : last + 2] += np.bincount(rows - first, minlength=last - first + 1)
    return np.cumsum(degrees)


def sorted_keys(
    key: NDArray[np.int64], *, ordered: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Distinct keys in order, where each starts among all, and the order if it is needed."""
    order = np.argsort(key) if ordered else np.empty(0, dtype=np.int64)
    key = key[order] if ordered else np.sort(key)
    starts = np.flatnonzero(np.concatenate(([True], key[1:] != key[:-1])))
    return (key if len(starts) == len(key) else key[starts]), starts, order
