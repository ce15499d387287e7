"""Some users of a model: what they had, and what they would be recommended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fullrank.data.ids import Ids
from fullrank.pages import records
from fullrank.pages.lists import Lists

SHOWN = 8
"""Items of a history that are shown."""
LENGTH = 10
"""Recommended items that are shown."""


@dataclass(frozen=True)
class Person:
    """A user.

    Attributes:
        name: Raw id.
        history: Some of the training items, from the best known to the least.
        more: Training items beside these.
        recommended: Items with whether they were held out.
        held_out: How many items were.
        length: Of the list of which these are the first.
        found: How many of the held-out items are in that list.
    """

    name: str
    history: list[str]
    more: int
    recommended: list[tuple[str, bool]]
    held_out: int
    length: int
    found: int


def people(lists: Lists, count: int, seed: int = 0) -> list[Person]:
    """Users drawn at random, one from each stretch of the order by length of history.

    Args:
        lists: Of the users that they are drawn from.
        count: How many.
        seed: Of the draw.
    """
    order = np.argsort(lists.train.user_degree[lists.users], kind="stable")
    rng = np.random.default_rng(seed)
    stretches = np.array_split(order, min(count, len(order))) if count else []
    return [_person(lists, int(rng.choice(each))) for each in stretches if len(each)]


def _person(lists: Lists, at: int) -> Person:
    train, row = lists.train, int(lists.users[at])
    own = train.item_idx[train.indptr[row] : train.indptr[row + 1]]
    own = own[np.argsort(-train.item_degree[own], kind="stable")]
    picked = own[np.unique(np.linspace(0, len(own) - 1, min(SHOWN, len(own))).astype(int))]
    listed = lists.items[at][:LENGTH]
    hits = lists.hits[at][:LENGTH]
    there = listed >= 0
    return Person(
        name=records.text(train.users.values[row], 120),
        history=names_of(train.items, picked),
        more=len(own) - len(picked),
        recommended=list(
            zip(names_of(train.items, listed[there]), hits[there].tolist(), strict=True)
        ),
        held_out=int(lists.n_test[at]),
        length=lists.k,
        found=int(lists.hits[at].sum()),
    )


def names_of(items: Ids, rows: NDArray[np.integer] | Sequence[int]) -> list[str]:
    """Titles, or raw ids where there are none."""
    ids = [records.text(items.values[int(row)], 120) for row in rows]
    if items.titles is None:
        return ids
    titles = [items.titles[int(row)] for row in rows]
    return [
        own if not title else records.text(title, 120)
        for own, title in zip(ids, titles, strict=True)
    ]
