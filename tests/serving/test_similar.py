from __future__ import annotations

import numpy as np
import pytest

from fullrank import Interactions, Recommender
from fullrank.serving import DotScorer, similar, top_k
from fullrank.spectrum import unit_rows


def made_anew(model, rows, k):
    """As it was done at each call before the parts were kept."""
    n = len(model.items)
    itself = Interactions(model.items, model.items, np.arange(n + 1), np.arange(n, dtype=np.int32))
    scorer = model.scorer
    if isinstance(scorer, DotScorer):
        scorer = DotScorer(unit_rows(scorer.item_table), unit_rows(scorer.item_table))
    else:
        scorer = scorer.of(itself)
    return top_k(scorer, rows, min(k, n), exclude=[itself])


@pytest.mark.parametrize(
    ("method", "settings"),
    [
        ("directspec+", {"epochs": 1, "dim": 8}),
        ("itemknn", {}),
        ("ease", {}),
        ("spectral", {"rank": 8}),
        ("allpass", {"rank": 8}),
        ("popularity", {}),
    ],
)
def test_the_kept_parts_rank_as_new_ones(small, method, settings):
    model = Recommender(method, **settings).fit(small)
    for rows in ([3], [5, 0, 119], [3]):
        items = model.items.raw(np.array(rows))
        for k in (1, 7, 500):
            frame, wanted = model.similar_items(items, k), made_anew(model, np.array(rows), k)
            kept = wanted.items >= 0
            got = model.items.rows(frame["similar_item_id"])
            np.testing.assert_array_equal(got, wanted.items[kept])
            np.testing.assert_array_equal(frame["score"].to_numpy(), wanted.scores[kept])
            assert not (frame["item_id"] == frame["similar_item_id"]).any()


@pytest.mark.slow
def test_unit_rows_are_made_once_and_anew_after_a_fit(small, monkeypatch):
    calls = []
    monkeypatch.setattr(similar, "unit_rows", lambda x: calls.append(x) or unit_rows(x))
    again = Recommender(dim=8, batch_size=64, epochs=1, seed=3).fit(small)
    before = again.similar_items(["i3"])
    assert again.similar_items(["i3"]).equals(before)
    folded = again.fold_in({"x": ["i1", "i5"]})
    assert folded.similar_items(["i3"]).equals(before)
    assert len(calls) == 1
    again.fit(small.test)
    after = again.similar_items(["i3"])
    assert len(calls) == 2
    assert not after.equals(before)
    assert folded.similar_items(["i3"]).equals(before), "it was folded from the model as it was"
