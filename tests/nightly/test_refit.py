"""Once more, on everything."""

from __future__ import annotations

import pytest
from versioned import events, split_of

from fullrank import Recommender

QUICK = {"dim": 8, "epochs": 3, "batch_size": 64}


@pytest.fixture(scope="module")
def split():
    return split_of(events(60, 30))


@pytest.mark.parametrize(("method", "settings"), [("ease", {}), ("bpr", QUICK)])
def test_the_same_as_a_fit_on_all_of_it(split, tmp_path, method, settings):
    model = Recommender(method, **settings).fit(split)
    model.metrics = model.evaluate(k=(10,)).to_dict()
    figures = model.metrics
    model.save(tmp_path)
    for each in (model, Recommender.load(tmp_path)):
        best = {"epochs": each.training["best_epoch"]} if settings else {}
        each.refit()
        assert each.test is None
        assert each.validation is None
        assert each.metrics == figures, "they stay what was measured"
        assert each.training["final"]["parts"] == ["train", "validation", "test"]
        alone = Recommender(method, **settings | best).fit(events(60, 30))
        assert each.train.fingerprint == alone.train.fingerprint
        assert each.recommend(k=5).equals(alone.recommend(k=5))


def test_it_begins_with_the_rows_of_another(split):
    first = Recommender("bpr", **QUICK).fit(split)
    again = Recommender("bpr", **QUICK | {"epochs": 0}).fit(split)
    again.refit(start_from=first)
    found = again.user_embeddings
    assert found.equal(first.user_embeddings[first.users.rows(again.users.values)])
