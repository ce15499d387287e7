"""Under rules a protocol ranks the same users and items as without."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch

from fullrank import Recommender, Rules
from fullrank.data import Ids, Interactions, Split


@pytest.fixture(scope="module")
def model():
    """Of 30 users and 20 items, the last of which are in the test part alone; no score twice."""
    rng = np.random.default_rng(0)
    ids = [
        Ids(pl.Series([f"{side}{row}" for row in range(n)])) for side, n in (("u", 30), ("i", 20))
    ]
    user, item = np.divmod(rng.permutation(30 * 20)[:300], 20)
    tested = (user >= 26) | (item >= 17) | (rng.random(300) < 0.2)
    parts = [Interactions.from_rows(*ids, user[kept], item[kept]) for kept in (~tested, tested)]
    return Recommender("bpr", dim=8, epochs=3).fit(Split("cold", parts[0], None, parts[1]))


@pytest.mark.parametrize(
    ("protocol", "include_cold"), [("standard", False), ("published", False), ("published", True)]
)
def test_no_rules_have_the_figures_of_none(model, protocol, include_cold):
    """With cold users in protocol standard they differ by the ties of the popular list."""
    how = {"k": (5, 10), "protocol": protocol, "include_cold": include_cold}
    plain, ruled = model.evaluate(**how), model.evaluate(rules=Rules(), **how)
    block = plain.protocol
    assert block["untrained_items"]
    assert block["users_evaluated"] == len(ruled.users)
    assert dict(ruled) == pytest.approx(dict(plain), abs=1e-12)
    if protocol == "published":
        cold = np.flatnonzero(model.train.user_degree[plain.users] == 0)
        assert len(cold)
        assert plain.per_user("recall@10")[cold].any()


def test_lists_of_the_published_protocol_hold_untrained_items(model):
    found = model.evaluate(k=(10,), protocol="published", rules=Rules(seed=1))
    untrained = model.train.item_degree == 0
    scores = model.scorer.scores(torch.from_numpy(found.users)).numpy()
    masked = model.train.csr()[found.users].toarray() > 0
    best = np.argsort(-np.where(masked, -np.inf, scores), axis=1)[:, :11]
    hits = model.test.csr()[found.users].toarray().astype(bool)
    expected = [row[each].sum() / min(10, row.sum()) for row, each in zip(hits, best, strict=True)]
    assert untrained[best].any()
    assert found.per_user("recall@10") == pytest.approx(expected)
