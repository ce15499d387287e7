"""Looking things up in compiled code: the best items of users, and what drawn pairs are."""

from __future__ import annotations

from collections.abc import Sequence
from ctypes import byref, c_int64

import numpy as np
from numpy.typing import NDArray

from fullrank.native import abi

_MOST_ITEMS = np.iinfo(np.int32).max


def top_k(
    user_table: NDArray[np.float32],
    item_table: NDArray[np.float32],
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
        item_table: (n_items, d).
        users: (U,) rows of the user table.
        k: Items to return for each.
        threads: Threads that share the users. The result does not depend on their number.
        excluded: CSR (indptr by user row, item rows ascending) of items not to return.
        candidates: (n_items,) items that may be returned.

    Returns:
        (U, k) items, -1 where none is left; (U, k) scores, -inf there; and the position of a user
        with a score that is not a number, if there is one.
    """
    (n_rows, dim), n_items = user_table.shape, len(item_table)
    if not 1 <= k <= _MOST_ITEMS:
        raise ValueError(f"k: found {k}; expected 1 to {_MOST_ITEMS}")
    if n_items > _MOST_ITEMS:
        raise ValueError(f"item table: found {n_items} rows; expected at most {_MOST_ITEMS}")
    items = np.empty((len(users), k), dtype=np.int32)
    scores = np.empty((len(users), k), dtype=np.float32)
    masks = (abi.Csr * max(len(excluded), 1))()
    for at, (indptr, indices) in enumerate(excluded):
        masks[at] = abi.csr("excluded items", indptr, indices)
    job = abi.TopK(dim, n_items, len(users), k, abi.team_size(threads), len(excluded), n_rows)
    job.user_table = abi.array("user table", user_table, np.float32, (n_rows, dim))
    job.item_table = abi.array("item table", item_table, np.float32, (n_items, dim))
    job.users = abi.array("users", users, np.int64, (len(users),))
    job.excluded = masks
    job.items = abi.array("items", items, np.int32, items.shape)
    job.scores = abi.array("scores", scores, np.float32, scores.shape)
    if candidates is not None:
        job.candidates = abi.array("candidates", candidates.view(np.uint8), np.uint8, (n_items,))
    nan = c_int64(-1)
    abi.call("top_k", byref(job), byref(nan))
    return items, scores, None if nan.value < 0 else nan.value


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
