"""Items that were not in training, added to a model from the users who have them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl
import torch

from fullrank.data.ids import Ids
from fullrank.data.interactions import Interactions
from fullrank.data.joining import joined, over_items, renumbered
from fullrank.errors import DataError, FitError
from fullrank.serving.fold_in import fold_in_items
from fullrank.serving.scorers import DotScorer, Scorer


def with_new_items(
    scorer: Scorer, parts: Mapping[str, Interactions], given: Interactions
) -> tuple[DotScorer, dict[str, Interactions]]:
    """The scorer with a row for each new item, and the parts over all items.

    The pairs of new items join ``train``: their users have them.

    Pairs of items that the model knows, and of users that it does not, are left out. Old items keep
    their rows and their numbers; new ones follow in their natural order.

    Args:
        scorer: What the model ranks with.
        parts: Those of the model, ``train`` among them.
        given: Who has what.

    Raises:
        FitError: the model has no embeddings.
        DataError: no pair is of a new item and a known user.
    """
    if not isinstance(scorer, DotScorer):
        found = "a method without embeddings"
        raise FitError("fold_in_items", found, "a method that learns them, or a new fit")
    train = parts["train"]
    user = train.users.rows(given.users.values)[given.user_idx]
    new = train.items.rows(given.items.values)[given.item_idx] < 0
    kept = np.flatnonzero((user >= 0) & new)
    if not len(kept):
        found = f"{int(new.sum())} pairs of new items, none of a user that the model knows"
        raise DataError("fold_in_items", found, "users of the training data")
    fresh, number = np.unique(given.item_idx[kept], return_inverse=True)
    added = given.items.select(fresh)
    weight = None if given.weight is None else given.weight[kept]
    new_pairs = Interactions.from_rows(train.users, added, user[kept], number, weight=weight)
    rows = fold_in_items(scorer.user_table.cpu(), scorer.item_table.cpu(), train, new_pairs)
    table = torch.cat([scorer.item_table, rows.to(scorer.item_table)])
    items = _joined(train.items, added)
    over_all = {name: over_items(part, items) for name, part in parts.items()}
    at = number + train.n_items
    theirs = Interactions.from_rows(train.users, items, user[kept], at, weight=weight)
    whole = joined(over_all["train"], theirs)
    if given.never is not None:
        whole.never = _never_of_new(whole, given.never, train.n_items)
    over_all["train"] = whole
    return DotScorer(scorer.user_table, table), over_all


def _never_of_new(whole: Interactions, never: Interactions, n_old: int) -> Interactions:
    """What ``whole`` never shows, and the pairs of ``never`` with an item from row ``n_old`` on."""
    item = whole.items.rows(never.items.values)
    user, item = whole.users.rows(never.users.values), np.where(item < n_old, -1, item)
    more = renumbered(never, whole.users, whole.items, user, item)
    return more if whole.never is None else joined(whole.never, more)


def _joined(old: Ids, new: Ids) -> Ids:
    """Old ids with their numbers, then the new ones; titles where either has them."""
    same = old.values.dtype == new.values.dtype
    if not same and old.values.dtype != pl.String:
        found = f"new items of type {new.values.dtype}"
        raise DataError("fold_in_items", found, f"ids of type {old.values.dtype}, as the model's")
    values = pl.concat([old.values, new.values.cast(old.values.dtype)])
    if old.attributes is None and new.attributes is None:
        return Ids(values)
    known = [_attributes(old), _attributes(new)]
    return Ids._of(values, pl.concat(known, how="diagonal_relaxed"))


def _attributes(ids: Ids) -> pl.DataFrame:
    if ids.attributes is not None:
        return ids.attributes
    return pl.DataFrame({"title": pl.Series([None] * len(ids), dtype=pl.String)})
