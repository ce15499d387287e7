"""Parts of a table joined again, and a part over more items."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fullrank.data.ids import Ids
from fullrank.data.interactions import Interactions


def joined(first: Interactions, *others: Interactions) -> Interactions:
    """The pairs of all parts, over the users and items of the first.

    Where any part has weights, a pair of one without them counts as one; times stay where every
    part has them. What is never to be shown is that of the first.

    Args:
        first: Pairs.
        others: Pairs with the same users and items.
    """
    parts = (first, *others)
    weight = timestamp = None
    if any(part.weight is not None for part in parts):
        weight = np.concatenate([_weights(part) for part in parts])
    if all(part.timestamp is not None for part in parts):
        timestamp = np.concatenate([part.timestamp for part in parts])
    whole = Interactions.from_rows(
        first.users,
        first.items,
        np.concatenate([part.user_idx for part in parts]),
        np.concatenate([part.item_idx for part in parts]),
        weight=weight,
        timestamp=timestamp,
    )
    whole.never = first.never
    return whole


def over_items(part: Interactions, items: Ids) -> Interactions:
    """The same pairs over ``items``, which begin with those of ``part``."""
    more = Interactions.from_rows(
        part.users, items, part.user_idx, part.item_idx,
        weight=part.weight, timestamp=part.timestamp,
    )  # fmt: skip
    more.never = None if part.never is None else over_items(part.never, items)
    return more


def over_ids(part: Interactions, users: Ids, items: Ids) -> Interactions:
    """Its pairs, without weights and times, in the rows of other ids; what these lack is left out.

    Args:
        part: Pairs.
        users: Ids of the rows of users.
        items: Ids of the rows of items.
    """
    user = users.rows(part.users.values)[part.user_idx]
    item = items.rows(part.items.values)[part.item_idx]
    known = (user >= 0) & (item >= 0)
    return Interactions.from_rows(users, items, user[known], item[known])


def _weights(part: Interactions) -> NDArray[np.float32]:
    return np.ones(len(part), np.float32) if part.weight is None else part.weight
