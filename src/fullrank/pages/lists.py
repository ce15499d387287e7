"""The lists that a model gives: for whom they find what was held out, and what of the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullrank.data.interactions import Interactions
from fullrank.evaluation.evaluate import hits_of
from fullrank.evaluation.intervals import Interval, intervals
from fullrank.evaluation.ties import fair_top_k
from fullrank.recommender import KNOWN
from fullrank.serving.cold import Trained, rank_served
from fullrank.serving.frames import excluded
from fullrank.serving.scorers import Scorer

Values = NDArray[np.float64]

SCORES = 4e8
"""Scores that the lists of a page may cost; of more users than that allows, a sample is ranked."""
FEWEST, MOST = 1_000, 20_000
"""Users in a sample at least and at most."""
GROUPS = 5
"""Groups of users by their history, and of items by their popularity."""


@dataclass(frozen=True, eq=False)
class Lists:
    """The k best items of some users, and the hits among them.

    Attributes:
        users: (U,) user rows.
        items: (U, k) item rows, -1 in an empty slot.
        hits: (U, k) which of them were held out.
        n_test: (U,) held-out items of each user.
        train: What was learned from.
        test: What was held out, if anything.
    """

    users: NDArray[np.int64]
    items: NDArray[np.int32]
    hits: NDArray[np.bool_]
    n_test: NDArray[np.int64]
    train: Interactions
    test: Interactions | None

    @classmethod
    def of(
        cls,
        scorer: Scorer,
        trained: Trained,
        parts: Mapping[str, Interactions],
        users: NDArray[np.int64],
        k: int,
    ) -> Lists:
        """Ranks as protocol standard does: seen items masked, ties in a fixed random order."""
        train, test = parts["train"], parts.get("test")
        exclude = excluded(parts, KNOWN)
        candidates = trained.candidates()
        ranking = rank_served(
            fair_top_k, scorer, trained, users, k, exclude=exclude, candidates=candidates
        )
        if test is None:
            nothing = np.zeros(ranking.items.shape, dtype=np.bool_)
            zeros = np.zeros(len(users), dtype=np.int64)
            return cls(users, ranking.items, nothing, zeros, train, None)
        n_test = np.asarray(test.user_degree[users], dtype=np.int64)
        return cls(users, ranking.items, hits_of(ranking, test), n_test, train, test)

    @property
    def k(self) -> int:
        """Length of the lists."""
        return int(self.items.shape[1])

    def first(self, k: int) -> Lists:
        """The same with the k best items alone."""
        return replace(self, items=self.items[:, :k], hits=self.hits[:, :k])

    @property
    def recall(self) -> Values:
        """(U,) share of the held-out items of each user that the list has; NaN without any."""
        found = self.hits.sum(axis=1)
        return np.where(self.n_test > 0, found / np.maximum(self.n_test, 1), np.nan)

    @property
    def times(self) -> NDArray[np.int64]:
        """(n_items,) in how many lists each item stands."""
        shown = self.items[self.items >= 0]
        return np.bincount(shown, minlength=self.train.n_items).astype(np.int64)


def users_of(parts: Mapping[str, Interactions], trained: Trained, seed: int = 0) -> Any:
    """(U,) rows, ascending, of the users whose lists are looked at.

    Those that were trained and have something held out, or all that were trained where nobody has;
    a random sample of them where there are many.
    """
    test = parts.get("test")
    there = trained.users.copy()
    if test is not None and (there & (test.user_degree > 0)).any():
        there &= test.user_degree > 0
    rows = np.flatnonzero(there)
    most = int(np.clip(SCORES / max(parts["train"].n_items, 1), FEWEST, MOST))
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))


@dataclass(frozen=True)
class Group:
    """Users or items with about as many interactions.

    Attributes:
        label: Of how many.
        size: Users or items in it.
        recall: Share of what was held out that was found.
        interval: 95 % of that; None where it is not over users.
        popular: The same share for the list of the most popular items.
    """

    label: str
    size: int
    recall: float
    interval: Interval | None
    popular: float


def by_history(found: Lists, popular: Lists) -> list[Group]:
    """Mean recall of users by the length of their training history, in groups of like size."""
    size = found.train.user_degree[found.users]
    group = quantile_groups(size, GROUPS)
    groups = []
    for at in range(int(group.max(initial=-1)) + 1):
        chosen = (group == at) & (found.n_test > 0)
        if not chosen.any():
            continue
        values = found.recall[chosen]
        groups.append(
            Group(
                label=span(size[chosen]),
                size=int(chosen.sum()),
                recall=float(values.mean()),
                interval=intervals({"recall": values}).get("recall"),
                popular=float(popular.recall[chosen].mean()),
            )
        )
    return groups


def by_popularity(found: Lists, popular: Lists) -> list[Group]:
    """Share of held-out pairs found, by how many training users an item has.

    The groups hold about a fifth of the training interactions each, so that the first has most of
    the items and the last a few of them. Pairs count alike, whoever's they are.
    """
    if found.test is None:
        return []
    degree = found.train.item_degree
    group = mass_groups(degree, GROUPS)
    held = np.zeros(len(degree), dtype=np.int64)
    for row in found.users:
        held[found.test.item_idx[found.test.indptr[row] : found.test.indptr[row + 1]]] += 1
    counted = [
        np.bincount(each.items[each.hits], minlength=len(degree)) for each in (found, popular)
    ]
    groups = []
    for at in range(int(group.max(initial=-1)) + 1):
        chosen = (group == at) & (degree > 0)
        pairs = int(held[chosen].sum())
        if not pairs:
            continue
        mine, its = (float(each[chosen].sum() / pairs) for each in counted)
        groups.append(Group(span(degree[chosen]), int(chosen.sum()), mine, None, its))
    return groups


def quantile_groups(size: NDArray[Any], groups: int) -> NDArray[np.int64]:
    """(n,) the group of each row: of about as many rows each, equal sizes never apart."""
    if not len(size):
        return np.zeros(0, dtype=np.int64)
    edges = np.unique(np.quantile(size, np.arange(1, groups) / groups))
    return np.asarray(np.searchsorted(edges, size, side="left"), dtype=np.int64)


def mass_groups(size: NDArray[Any], groups: int) -> NDArray[np.int64]:
    """(n,) the group of each row: with about as much of the sum of sizes each, equal ones together.

    The group of a size is that of the middle of its share of the sum.
    """
    _, inverse = np.unique(size, return_inverse=True)
    mass = np.bincount(inverse, weights=size)
    middle = np.cumsum(mass) - mass / 2
    total = max(mass.sum(), 1)
    of_value = np.minimum((groups * middle / total).astype(np.int64), groups - 1)
    return np.asarray(of_value[inverse], dtype=np.int64)


def span(size: NDArray[Any]) -> str:
    """Least and most, ``5 to 12``."""
    low, high = int(size.min()), int(size.max())
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def lorenz(times: NDArray[Any], points: int = 101) -> tuple[list[float], list[float]]:
    """Share of all slots that the least shown share of the items have.

    Returns:
        Shares of the items, 0 to 1, and of the slots.
    """
    total = max(times.sum(), 1)
    cumulative = np.concatenate(([0.0], np.cumsum(np.sort(times)) / total))
    at = np.linspace(0, 1, points)
    return at.tolist(), np.interp(at * len(times), np.arange(len(times) + 1), cumulative).tolist()
