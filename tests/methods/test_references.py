"""The reference methods without epochs as models: served, saved, folded in, refused."""

from __future__ import annotations

import math

import pytest
import torch
from dense import scores

from fullrank import METHODS, DataError, Recommender, SettingError
from fullrank.data import memory
from fullrank.methods.closed_form import turbo_cf
from fullrank.serving import FilterScorer, stored_scorers

SMALL = {
    "p3alpha": {"neighbours": 7, "alpha": 0.8},
    "rp3beta": {"neighbours": 7, "alpha": 0.8, "beta": 0.4},
    "gf-cf": {"rank": 11},
    "turbo-cf": {},
    "slim": {"neighbours": 30},
    "chebycf": {"rank": 11},
    "bspm": {"rank": 11},
    "sgfcf": {"rank": 11, "beta_low": 0.7, "beta_high": 1.6},
}


@pytest.mark.parametrize("name", SMALL)
def test_served_saved_and_folded_in(small, name, tmp_path):
    model = Recommender(name, **SMALL[name]).fit(small.train)
    model.save(tmp_path / "m")
    assert Recommender.load(tmp_path / "m").recommend(k=5).equals(model.recommend(k=5))
    assert "i3" not in model.similar_items(["i3"], k=5)["similar_item_id"].to_list()
    user = model.users.values[7]
    own = small.train.item_idx[small.train.user_idx == 7]
    folded = model.fold_in({"twin": model.items.raw(own)})
    twin = folded.recommend(["twin"], k=5)["item_id"].to_list()
    if name != "sgfcf":  # whose users of training do not count as their own neighbours
        assert twin == model.recommend([user], k=5)["item_id"].to_list()
    folded.save(tmp_path / "f")
    again = Recommender.load(tmp_path / "f").recommend(["twin"], k=5)
    assert again["item_id"].to_list() == twin


def test_a_damaged_filter_is_refused(small):
    made = METHODS["gf-cf"](rank=5).solve(small.train, "cpu").tensors()
    made["coefficients"] = torch.full_like(made["coefficients"], math.nan)
    with pytest.raises(DataError, match="found coefficients; expected finite numbers"):
        FilterScorer.from_tensors(made, small.train)
    made = METHODS["sgfcf"](rank=5).solve(small.train, "cpu").tensors()
    with pytest.raises(DataError, match="tensor sgfcf_items"):
        stored_scorers.scorer_of(made | {"sgfcf_items": torch.ones(3, 3)}, small.train)


def test_what_memory_does_not_hold_is_refused(small, monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 1000)
    monkeypatch.setattr(memory, "SMALL", 100)
    for name, setting in (("rp3beta", "neighbours"), ("turbo-cf", "neighbours"), ("gf-cf", "rank")):
        with pytest.raises(SettingError, match=f"setting {setting}: found .* which need"):
            scores(name, small.train)
    monkeypatch.setattr(turbo_cf.pruning, "check_neighbours", lambda *_: None)
    with pytest.raises(SettingError, match="setting order: found a dense 120 × 120 filter"):
        scores("turbo-cf", small.train, order=2)
