from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from fullrank import Recommender
from fullrank.data import Interactions, Split


def with_ids(split: Split, users: pl.Series, items: pl.Series) -> pl.DataFrame:
    """The pairs of the training part under other ids."""
    return pl.DataFrame(
        {
            "user_id": users.gather(np.repeat(np.arange(200), split.train.user_degree)),
            "item_id": items.gather(split.train.item_idx),
        }
    )


@pytest.fixture(scope="session")
def attributes(small) -> pl.DataFrame:
    """Text that every format has to escape, lists, and nothing at all for some."""
    n = len(small.train.items)
    odd = ["tab\there", 'quote " and \\ and \\N', "new\nline", "Grüße", None]
    return pl.DataFrame(
        {
            "id": small.train.items.values,
            "title": [odd[at % 5] for at in range(n)],
            "categories": [None if at % 7 == 0 else ["a,b", 'c"}'][: at % 3] for at in range(n)],
            "price": [None if at % 3 == 0 else at / 4 for at in range(n)],
            "available": [None if at % 11 == 0 else at % 2 == 0 for at in range(n)],
        }
    )


@pytest.fixture(scope="session")
def texts(small, attributes) -> Recommender:
    """A model whose ids are text, its items with attributes; all are in training."""
    frame = with_ids(small, small.train.users.values, small.train.items.values)
    model = Recommender("bpr", epochs=3, dim=8, batch_size=64).fit(Interactions.from_frame(frame))
    return model.with_items(attributes)


@pytest.fixture(scope="session")
def numbers(small) -> Recommender:
    """A model whose ids are whole numbers, some of them below zero."""
    frame = with_ids(small, pl.Series(np.arange(200) * 7 + 10**12), pl.Series(np.arange(120) - 60))
    data = Interactions.from_frame(frame)
    return Recommender("bpr", epochs=3, dim=8, batch_size=64).fit(data)


@pytest.fixture(scope="session", params=["texts", "numbers"])
def model(request) -> Recommender:
    return request.getfixturevalue(request.param)
