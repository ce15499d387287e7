"""Parts of a table joined again, and a part over other users and items."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullrank.data.ids import Ids
from fullrank.data.interactions import Interactions
from fullrank.data.order import Pairs, read_only


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
    pairs = Pairs(
        part.indptr, part.item_idx, part.weight, part.timestamp, part.merged, part.rows
    )  # fmt: skip
    more = Interactions._of(part.users, items, pairs)
    more.never = None if part.never is None else over_items(part.never, items)
    return more


def over_ids(part: Interactions, users: Ids, items: Ids) -> Interactions:
    """Its pairs, without weights and times, in the rows of other ids; what these lack is left out.

    Args:
        part: Pairs.
        users: Ids of the rows of users.
        items: Ids of the rows of items.
    """
    rows = users.rows(part.users.values), items.rows(part.items.values)
    return renumbered(part, users, items, *rows, values=())


def renumbered(
    part: Interactions,
    users: Ids,
    items: Ids,
    user_row: NDArray[Any],
    item_row: NDArray[Any],
    *,
    values: Collection[str] = ("weight", "timestamp"),
) -> Interactions:
    """The pairs over other users and items; those that have no row there are left out.

    How often the data have a pair stays, and so does what is never to be shown.

    Args:
        part: Pairs.
        users: The other users.
        items: The other items.
        user_row: The row of each user of ``part`` among them, -1 for none.
        item_row: The row of each item.
        values: Which of weight and timestamp to keep.
    """
    user, item = user_row[part.user_idx], item_row[part.item_idx]
    known = np.flatnonzero((user >= 0) & (item >= 0))
    user, item = user[known], item[known]
    kept = {name: getattr(part, name) for name in values}
    made = Interactions.from_rows(
        users,
        items,
        user,
        item,
        **{name: None if value is None else value[known] for name, value in kept.items()},
    )
    if part.rows is not None:
        made.rows = read_only(part.rows[known][np.lexsort((item, user))])
        made.merged = int(made.rows.sum()) - len(made)
    if part.never is not None:
        made.never = renumbered(part.never, users, items, user_row, item_row)
    return made


def _weights(part: Interactions) -> NDArray[np.float32]:
    return np.ones(len(part), np.float32) if part.weight is None else part.weight
