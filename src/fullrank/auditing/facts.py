"""What else tells a part from a uniform draw: cold rows, repeats, far items, later times."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from fullrank.auditing.shares import wilson
from fullrank.data.interactions import Interactions

SAMPLE = 10_000
"""Pairs that reachability is measured on; all where there are no more."""
TIMES = 100_000
"""Times of each part that are compared; all where there are no more."""
HISTORY = 5
"""Least number of items of users whose histories are compared for duplicates."""
FRACTIONS = np.arange(1, 100) / 100
"""Fractions of each user's interactions that a part is compared with."""


def cold_of(train: Interactions, part: Interactions) -> dict[str, int]:
    """Users and items of a part that train has not, and the pairs that have one of them."""
    users, items = train.user_degree == 0, train.item_degree == 0
    return {
        "cold_users": int((users & (part.user_degree > 0)).sum()),
        "cold_items": int((items & (part.item_degree > 0)).sum()),
        "pairs_of_cold_users": int(users[part.user_idx].sum()),
        "pairs_of_cold_items": int(items[part.item_idx].sum()),
    }


def repeats_of(other: Interactions, part: Interactions) -> int:
    """Pairs that are in both parts."""
    return int(other.csr().multiply(part.csr()).nnz)


def reach_of(train: Interactions, part: Interactions, seed: int = 0) -> dict[str, Any]:
    """Share of the pairs (u, i) of ``part`` whose item shares a neighbour with u's history.

    That is a user of i in ``train`` who has one of u's items there: ``(R RᵀR)_ui > 0`` of the
    train matrix R. What is not reached, no method by neighbours or one hop on the graph can rank.
    """
    user, item = part.user_idx, part.item_idx
    chosen = np.arange(len(part))
    if len(part) > SAMPLE:
        chosen = np.sort(np.random.default_rng(seed).choice(len(part), SAMPLE, replace=False))
    user, item = user[chosen], item[chosen]
    rows, items = sp.csr_array(train.csr()), sp.csr_array(train.csr().T)
    reached = np.zeros(len(chosen), dtype=np.bool_)
    step = max(1, (1 << 26) // max(train.n_users, 1))
    users = np.unique(user)
    for start in range(0, len(users), step):
        block = users[start : start + step]
        near = (rows[block] @ items).toarray() > 0  # (block, n_users)
        inside = np.flatnonzero((user >= block[0]) & (user <= block[-1]))
        slot = np.searchsorted(block, user[inside])
        for at, row in zip(inside, slot, strict=True):
            takers = items.indices[items.indptr[item[at]] : items.indptr[item[at] + 1]]
            reached[at] = near[row, takers].any()
    n = int(reached.sum())
    return {
        "reached": n / max(len(chosen), 1),
        "interval": list(wilson(n, len(chosen))),
        "pairs": len(chosen),
    }


def order_of(train: Interactions, part: Interactions, seed: int = 0) -> dict[str, float] | None:
    """Whether a part lies after train in time; None without times.

    Returns:
        ``later``, the probability that an interaction of the part is later than one of train (equal
        times count half): 0.5 for a uniform draw, 1 for a cut in time; ``users_after``, the share
        of the users with both whose part is wholly after their train.
    """
    if train.timestamp is None or part.timestamp is None or not len(train) or not len(part):
        return None
    rng = np.random.default_rng(seed)
    before, after = (
        np.sort(rng.choice(each, TIMES) if len(each) > TIMES else each)
        for each in (train.timestamp, part.timestamp)
    )
    low = np.searchsorted(before, after, side="left")
    high = np.searchsorted(before, after, side="right")
    both = (train.user_degree > 0) & (part.user_degree > 0)
    last = _by_user(np.maximum, train, both)
    first = _by_user(np.minimum, part, both)
    return {
        "later": float(np.mean((low + high) / 2) / len(before)),
        "users_after": float(np.mean(first >= last)) if both.any() else 0.0,
    }


def fraction_of(degree: NDArray[np.int64], quota: NDArray[np.int64]) -> tuple[float, str] | None:
    """The fraction of each user's interactions that a part is, and how it was rounded.

    Args:
        degree: (n_users,) interactions of each user, the part among them.
        quota: (n_users,) those in the part.

    Returns:
        The fraction in whole percents and ``up``, ``down`` or ``to the nearest``, if that is so for
        99 of 100 users with two interactions or more.
    """
    some = degree >= 2
    degree, quota = degree[some][:SAMPLE].astype(np.float64), quota[some][:SAMPLE]
    if not len(degree):
        return None
    ways = {"up": np.ceil, "down": np.floor, "to the nearest": np.rint}
    found: list[tuple[float, float, str]] = []
    for fraction in FRACTIONS:
        for name, rounded in ways.items():
            right = float(np.mean(rounded(np.round(fraction * degree, 9)) == quota))
            found.append((right, float(fraction), name))
    right, fraction, name = max(found, key=lambda each: each[0])
    return (fraction, name) if right >= 0.99 else None


def same_histories(train: Interactions, seed: int = 0) -> int:
    """Users with the very items of another user, of those with `HISTORY` items or more."""
    number = np.random.default_rng(seed).integers(1 << 62, size=train.n_items, dtype=np.uint64)
    total = np.zeros(len(train) + 1, dtype=np.uint64)
    np.cumsum(number[train.item_idx], out=total[1:])
    key = np.diff(total[train.indptr])  # sums wrap around, and so do their differences
    key = key[train.user_degree >= HISTORY]
    _, users = np.unique(key, return_counts=True)
    return int(users[users > 1].sum())


def _by_user(reduce: np.ufunc, part: Interactions, wanted: NDArray[np.bool_]) -> NDArray[Any]:
    assert part.timestamp is not None  # noqa: S101  # narrows the type: the caller has tested it
    if not wanted.any():
        return np.zeros(0)
    has = part.user_degree > 0
    values = reduce.reduceat(part.timestamp, part.indptr[:-1][has])
    found: NDArray[Any] = values[wanted[has]]
    return found
