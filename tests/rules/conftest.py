from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch
from ruled_loops import METHODS, World

from fullrank import Recommender
from fullrank.rules.alike import likeness_of
from fullrank.rules.draws import keys_of
from fullrank.serving.blend_scorer import BlendPart, BlendScorer
from fullrank.serving.steady import SteadyScorer


@pytest.fixture(scope="session")
def table(small) -> pl.DataFrame:
    """Attributes of the items of `small`, some without: lists, text, numbers and flags."""
    rng = np.random.default_rng(3)
    n = 120
    names = list("abcdef")
    lists = [[names[j] for j in rng.choice(6, rng.integers(1, 4), False)] for _ in range(n)]
    rows = {
        "id": small.train.items.values,
        "categories": [None if at % 17 == 0 else each for at, each in enumerate(lists)],
        "brand": [None if at % 13 == 0 else f"brand {rng.integers(9)}" for at in range(n)],
        "price": [None if at % 11 == 0 else float(rng.integers(50)) for at in range(n)],
        "available": [None if at % 19 == 0 else bool(rng.integers(3)) for at in range(n)],
    }
    return pl.DataFrame(rows)


@pytest.fixture(scope="session")
def models(small, table):
    """A model of each kind of scorer, its items with attributes."""
    made = {
        name: Recommender(name, **settings).fit(small).with_items(table)
        for name, settings in METHODS.items()
        if name != "blend"
    }
    blend = Recommender("itemknn").fit(small).with_items(table)
    parts = [BlendPart(made[name].scorer, made[name]._fold_in) for name in ("bpr", "allpass")]
    blend._use(BlendScorer(small.train, parts, [0.7, 0.3]), blend._parts, blend._fold_in)
    return made | {"blend": blend}


@pytest.fixture(scope="session")
def world_of():
    """What a model knows, for the naive lists."""

    def make(model, seed=0) -> World:
        n_users, n_items = len(model.users), len(model.items)
        every = np.tile(np.arange(n_items, dtype=np.int32), (n_users, 1))
        likeness = likeness_of(model._served())
        scores = SteadyScorer(model.scorer, np.arange(n_users))
        return World(
            scores.scores(torch.arange(n_users)).tolist(),
            model._trained.popularity.tolist(),
            [own.tolist() for own in np.split(model.train.item_idx, model.train.indptr[1:-1])],
            model.items.attributes.to_dict(as_series=False),
            likeness(np.arange(n_items), every[:n_items]).tolist(),
            keys_of(seed, model.users.values, every).tolist(),
            keys_of(seed, model.users.values, np.full((len(model.users), 1), -1))[:, 0].tolist(),
        )

    return make
