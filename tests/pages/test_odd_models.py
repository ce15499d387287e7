"""Pages of models whose data have no test, one item, guests, or other cutoffs."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from parsed import check

from fullrank import Recommender
from fullrank.data import Ids, Interactions, Split
from fullrank.pages.model import values_of
from fullrank.pages.render import page


def split_of(train, test, users, items):
    parts = [
        Interactions.from_rows(users, items, *np.array(pairs, dtype=np.int64).reshape(-1, 2).T)
        for pairs in (train, test)
    ]
    return Split("odd", parts[0], None, parts[1])


def ids(n, start):
    return Ids(pl.Series([f"{start}{at}" for at in range(n)]))


@pytest.mark.parametrize("method", ["popularity", "ease"])
def test_a_test_part_without_pairs_has_no_figures(method):
    split = split_of([(user, 0) for user in range(6)], [], ids(6, "u"), ids(1, "i"))
    values = values_of(Recommender(method).fit(split))
    assert "was not evaluated" in values["verdict"]
    check(page("model.html", values))
