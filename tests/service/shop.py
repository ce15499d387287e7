"""A model with thousands of items, and models of any tables."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import torch

from fullrank import Recommender
from fullrank.data import Ids, Interactions, random_split
from fullrank.data.synthetic import generate
from fullrank.serving import DotScorer
from fullrank.serving.fold_in import FoldIn

USERS, ITEMS = 1500, 6000


@cache
def trained() -> Recommender:
    """A fit on 1,500 users x 6,000 items; some items are nobody's in the training part."""
    pairs = generate(USERS, ITEMS, 60_000, seed=3, communities=20)
    split = random_split(pairs, test=0.2, validation=0.1, seed=0)
    return Recommender("bpr", dim=16, epochs=30, threads=1).fit(split)


def of_tables(users: Any, items: Any, own: int = 3) -> Recommender:
    """A model of two tables; the first user has every item, the others a few."""
    tables = [torch.as_tensor(np.asarray(each, dtype=np.float32)) for each in (users, items)]
    n_users, n_items = len(tables[0]), len(tables[1])
    rng = np.random.default_rng(0)
    owner = np.concatenate([np.repeat(0, n_items), np.repeat(np.arange(n_users), own)])
    item = np.concatenate([np.arange(n_items), rng.integers(n_items, size=own * n_users)])
    ids = Ids.numbered(n_users, "u"), Ids.numbered(n_items, "i")
    model = Recommender("bpr", dim=tables[0].shape[1])
    parts = {"train": Interactions.from_rows(*ids, owner, item)}
    model._use(DotScorer(*tables), parts, FoldIn(torch.eye(tables[0].shape[1]).double()))
    return model
