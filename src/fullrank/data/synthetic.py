"""Generated interactions with the traits of real ones, for a machine with nothing to read."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fullrank.data.ids import Ids
from fullrank.data.interactions import Interactions
from fullrank.data.titles import titles as named
from fullrank.errors import SettingError

LEANING = (0.4, 0.65, 0.82, 0.92, 1.0)
"""Cumulative share, among a user's choices, of the communities they mix."""
BRIDGING = 0.2
"""Share of the items that belong to a second community."""
STRAY = 0.1
"""Share of the choices that follow overall popularity instead of a community."""
LONG_TAIL = 0.8
"""Exponent of Zipf's law for the popularity of items."""
SPREAD = 1.2
"""Standard deviation of the logarithm of the activity of users."""
CHUNK = 1 << 21
"""Choices that are made at a time. Part of what a seed means."""
START, END = 1_577_836_800, 1_735_689_600
"""Seconds since 1970 between which interactions happen: the years 2020 to 2024."""


def generate(
    n_users: int,
    n_items: int,
    n_interactions: int,
    *,
    seed: int = 0,
    communities: int | None = None,
    titles: bool = True,
    timestamps: bool = False,
    string_ids: bool = True,
) -> Interactions:
    """Draws ``n_interactions`` distinct pairs with long tails and overlapping communities.

    A user's activity is log-normal, an item's popularity follows Zipf's law. Each user mixes five
    communities, of unequal weight; each item belongs to one, a fifth of them to two. A choice falls
    on one of the user's communities and, within it, on an item by popularity; some choices go by
    overall popularity alone.

    Args:
        n_users: Number of users; a few may be left without interactions.
        n_items: Number of items; some may be left without interactions.
        n_interactions: Number of distinct pairs, at most half of all.
        seed: Equal seeds give equal data.
        communities: How many there are; a number that suits ``n_items`` when not given.
        titles: Whether items are named, after their communities.
        timestamps: Whether each pair gets a time, in seconds since 1970.
        string_ids: Ids like ``"u17"`` and ``"i3"``; otherwise the row numbers, which are leaner.

    Raises:
        SettingError: a size is not positive, or there are too few pairs to choose from.
    """
    if communities is None:
        communities = int(np.clip(round(1.5 * n_items**0.5), 2, 224))
    _check(n_users, n_items, n_interactions, communities)
    rng = np.random.default_rng(seed)
    shelf = _Shelf.draw(n_items, communities, rng)
    tastes = rng.integers(communities, size=(n_users, len(LEANING)), dtype=np.int16)
    activity = 0.1 + rng.lognormal(-(SPREAD**2) / 2, SPREAD, n_users)
    key = _distinct_pairs(n_interactions, activity / activity.sum(), tastes, shelf, rng)
    users = Ids.numbered(n_users, "u") if string_ids else Ids(pl.Series(np.arange(n_users)))
    items = Ids.numbered(n_items, "i") if string_ids else Ids(pl.Series(np.arange(n_items)))
    if titles:
        items = Ids(items.values, named(shelf.first, shelf.second))
    user_idx, item_idx = (key >> 32).astype(np.int32), (key & 0xFFFFFFFF).astype(np.int32)
    times = _times(user_idx, n_users, rng) if timestamps else None
    return Interactions.from_rows(users, items, user_idx, item_idx, timestamp=times)


@dataclass(frozen=True)
class _Shelf:
    """Items by community, ready to be drawn from.

    Args:
        first: Community of each item, ``(n_items,)``.
        second: Second community of each item, -1 for none, ``(n_items,)``.
        item: Item in each slot of the shelf; the slots of a community lie together.
        upto: Popularity of all slots up to and including each.
        bounds: What ``upto`` is where each community begins, and at the end.
    """

    first: NDArray[np.int16]
    second: NDArray[np.int16]
    item: NDArray[np.int32]
    upto: NDArray[np.float64]
    bounds: NDArray[np.float64]

    @classmethod
    def draw(cls, n_items: int, communities: int, rng: np.random.Generator) -> _Shelf:
        popularity = (rng.permutation(n_items) + 0.002 * n_items + 1) ** -LONG_TAIL
        first = rng.integers(communities, size=n_items, dtype=np.int16)
        other = (first + rng.integers(1, communities, size=n_items)) % communities
        second = np.where(rng.random(n_items) < BRIDGING, other, -1).astype(np.int16)
        bridging = np.flatnonzero(second >= 0)
        item = np.concatenate((np.arange(n_items), bridging)).astype(np.int32)
        community = np.concatenate((first, second[bridging]))
        order = np.argsort(community, kind="stable")
        item, community = item[order], community[order]
        upto = np.cumsum(popularity[item])
        begins = np.searchsorted(community, np.arange(communities + 1))
        return cls(first, second, item, upto, np.concatenate(([0.0], upto))[begins])

    def choose(self, community: NDArray[np.int16], rng: np.random.Generator) -> NDArray[np.int32]:
        """One item for each community, by popularity; -1 stands for all communities."""
        low = np.where(community < 0, 0.0, self.bounds[community])
        high = np.where(community < 0, self.bounds[-1], self.bounds[community + 1])
        at = np.searchsorted(self.upto, low + rng.random(len(low)) * (high - low), side="right")
        item: NDArray[np.int32] = self.item[np.minimum(at, len(self.item) - 1)]
        return item


def _check(n_users: int, n_items: int, n_interactions: int, communities: int) -> None:
    for name, size, least in (
        ("n_users", n_users, 1),
        ("n_items", n_items, 2),
        ("n_interactions", n_interactions, 1),
        ("communities", communities, 2),
    ):
        if size < least:
            raise SettingError(f"setting {name}", str(size), f"{least} or more")
    half = n_users * n_items // 2
    if n_interactions > half:
        found = f"{n_interactions}"
        raise SettingError("setting n_interactions", found, f"at most {half}, half of all pairs")


def _distinct_pairs(
    n: int,
    share: NDArray[np.float64],
    tastes: NDArray[np.int16],
    shelf: _Shelf,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """``n`` pairs in order, as ``user << 32 | item``.

    Repeated pairs are drawn anew, with more and more choices that stray, so that this ends even
    where a community has run out of items for its keenest users.
    """
    key = np.empty(0, dtype=np.int64)
    stray = STRAY
    while len(key) < n:
        wanted = int((n - len(key)) * 1.1) + 16
        counts = rng.multinomial(wanted, share)
        more = np.empty(wanted, dtype=np.int64)
        ends = np.cumsum(counts)
        edges = np.unique([0, *np.searchsorted(ends, np.arange(CHUNK, wanted, CHUNK)), len(counts)])
        for start, stop in pairwise(edges):
            owner = np.repeat(np.arange(start, stop), counts[start:stop])
            entries = slice(ends[stop - 1] - len(owner), ends[stop - 1])
            more[entries] = (owner << 32) | shelf.choose(_community(owner, tastes, stray, rng), rng)
        key = np.concatenate((key, more))
        key.sort()
        key = key[np.concatenate(([True], key[1:] != key[:-1]))]
        stray = min(2 * stray, 1.0)
    dropped = rng.choice(len(key), len(key) - n, replace=False, shuffle=False)
    return np.delete(key, dropped)


def _community(
    owner: NDArray[np.int64], tastes: NDArray[np.int16], stray: float, rng: np.random.Generator
) -> NDArray[np.int16]:
    which = np.searchsorted(LEANING[:-1], rng.random(len(owner)), side="right")
    community = tastes[owner, which]
    community[rng.random(len(owner)) < stray] = -1
    return community


def _times(
    user_idx: NDArray[np.int32], n_users: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Users join at different times and are active from then on."""
    joined = rng.integers(START, (START + END) // 2, size=n_users)[user_idx]
    times: NDArray[np.int64] = joined + ((END - joined) * rng.random(len(joined))).astype(np.int64)
    return times
