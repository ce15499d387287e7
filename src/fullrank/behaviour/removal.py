"""How far a list moves when one item of the history is gone."""

from __future__ import annotations

import numpy as np

from fullrank.behaviour.lists import Rows, Sample, overlap
from fullrank.behaviour.values import Unmeasured, Value
from fullrank.data.interactions import Interactions
from fullrank.serving.top_k import top_k

FEWEST = 5
"""Items of a history that one is taken from."""
USERS = 500


def one_item_less(sample: Sample) -> Value:
    """Overlap of the first ten of users folded in with and without one item of their history.

    Both lists leave out the whole history, so that the item itself makes no difference.
    """
    model = sample.model
    long = sample.users[model.train.user_degree[sample.users] >= FEWEST]
    if not len(long):
        raise Unmeasured(f"no user has {FEWEST} items")
    rng = np.random.default_rng(sample.seed)
    users = np.sort(rng.permutation(long)[:USERS])
    whole = _history(model.train, users)
    gone = whole.indptr[:-1] + rng.integers(whole.user_degree)
    less = whole.select(np.delete(np.arange(len(whole)), gone))
    candidates = sample.trained.candidates()
    lists = [
        top_k(model.fold_in(each).scorer, np.arange(len(users)), min(10, model.train.n_items),
              exclude=[whole], candidates=candidates).items
        for each in (whole, less)
    ]  # fmt: skip
    shared = overlap(*lists)
    value = float(shared.mean())
    return Value(
        value,
        f"with one item less, {value:.0%} of the first ten stay, on average: lists hang on single "
        "items",
        {"users": len(shared), "least": float(shared.min())},
    )


def _history(train: Interactions, users: Rows) -> Interactions:
    kept = train.select(np.isin(train.user_idx, users))
    number = np.searchsorted(users, kept.user_idx)
    return Interactions.from_rows(
        train.users.select(users), train.items, number, kept.item_idx, weight=kept.weight
    )
