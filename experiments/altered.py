"""Data sets that no default was chosen on: known ones turned, thinned or divided in another way."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

import fullrank as fr
from fullrank.data import Interactions, k_core, random_split, time_split
from fullrank.data.joining import joined

LIKED = 4.0
"""Rating from which on a film is liked."""
SAMPLED, CORE = 8_000, 5
"""Users that are drawn of a larger data set, and the fewest interactions of a user and an item."""


def whole(name: str) -> Interactions:
    """All parts of a data set in one."""
    parts = fr.load(name, validation=0).parts
    return joined(parts.pop("train"), *parts.values())


def liked(seed: int) -> fr.Split:
    """ml-100k's ratings of 4 and 5, as interactions without weights."""
    data = fr.read(
        Path(os.environ["FULLRANK_DATA"]) / "ml-100k" / "ml-100k.inter",
        columns=fr.Columns(weight="rating"),
    )
    data = data.select(data.weight >= LIKED)
    pairs = Interactions.from_rows(data.users, data.items, data.user_idx, data.item_idx)
    return random_split(pairs.compact(), seed=seed)


def by_time(seed: int) -> fr.Split:
    """ml-100k, the last fifth of its time held out."""
    del seed
    return time_split(whole("ml-100k"))


def turned(seed: int) -> fr.Split:
    """CiteULike with items in the place of users."""
    data = whole("citeulike")
    pairs = Interactions.from_rows(data.items, data.users, data.item_idx, data.user_idx)
    return random_split(pairs, seed=seed)


def sampled(name: str) -> Callable[[int], fr.Split]:
    """Some users of a data set, divided evenly: its own test part is not drawn like train."""

    def load(seed: int) -> fr.Split:
        data = whole(name)
        users = np.random.default_rng(seed).choice(data.n_users, SAMPLED, replace=False)
        data = data.select(np.isin(data.user_idx, users))
        return random_split(k_core(data, CORE, CORE), seed=seed)

    return load


ALTERED: dict[str, Callable[[int], fr.Split]] = {
    "ml-100k, rated 4 or 5": liked,
    "ml-100k, by time": by_time,
    "citeulike, items as users": turned,
    f"gowalla, {SAMPLED:,} users": sampled("gowalla"),
    f"yelp2018, {SAMPLED:,} users": sampled("yelp2018"),
}
"""By name, from a seed."""
