"""Scores times a power of the items' popularity."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import torch

import fullrank as fr
from fullrank.errors import SettingError
from fullrank.methods import build_method
from fullrank.methods.closed_form import popular
from fullrank.methods.fitting import fit, vary
from fullrank.serving.scorers import ItemScorer

METHODS = {"ease": {}, "slim": {"neighbours": 20}, "itemknn": {"neighbours": 20}}


def dense(scorer):
    weights = scorer.weights
    return weights.toarray() if sp.issparse(weights) else np.asarray(weights)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("power", [-0.3, 0.25, 2.0])
def test_each_column_of_weights_is_multiplied(small, name, power):
    plain = build_method(name, METHODS[name]).solve(small.train, "cpu")
    scaled = build_method(name, {**METHODS[name], "popularity": power}).solve(small.train, "cpu")
    wanted = dense(plain).astype(np.float64)
    for item, degree in enumerate(small.train.item_degree):
        wanted[:, item] *= max(degree, 1) ** power
    np.testing.assert_allclose(dense(scaled), wanted, rtol=1e-6)
    users = torch.arange(5)
    scores = (
        plain.scores(users).double().numpy() * np.maximum(small.train.item_degree, 1.0) ** power
    )
    np.testing.assert_allclose(scaled.scores(users), scores, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", METHODS)
def test_another_power_needs_no_new_solution(small, name, monkeypatch):
    first = build_method(name, {**METHODS[name], "popularity": 0.1})
    other = first.replace(popularity=-0.2)
    made = fit(first, {"train": small.train}, "cpu")
    kept = dense(made[0]).copy()
    varied = vary(other, first, made, small.train)
    assert varied is not None
    solved = fit(other, {"train": small.train}, "cpu")
    np.testing.assert_allclose(dense(varied[0]), dense(solved[0]), rtol=1e-5)
    np.testing.assert_array_equal(dense(made[0]), kept)  # the first model is what it was
    assert varied[1].get(name) == made[1].get(name)  # such as the ridge that the rule gave
    for changed in ({"popularity": 0.3, "neighbours": 10}, {"popularity": 0.3, "ridge": 3.0}):
        if set(changed) <= set(first.model_dump()):
            assert vary(first.replace(**changed), first, made, small.train) is None
    assert vary(other, build_method("popularity", {}), made, small.train) is None
    monkeypatch.setattr(popular, "available_memory", lambda: 1)
    assert vary(other, first, made, small.train) is None


def test_popular_items_come_earlier_the_higher_the_power(small, tmp_path):
    shown = []
    for power in (-0.5, 0.0, 0.5):
        model = fr.Recommender("ease", popularity=power).fit(small)
        found = model.evaluate(k=(10,))
        shown.append(found["mean_popularity@10"])
    assert shown == sorted(shown)
    assert shown[0] < shown[1] < shown[2]
    model.save(tmp_path / "model")
    again = fr.Recommender.load(tmp_path / "model")
    assert again.settings.popularity == 0.5
    assert isinstance(again.scorer, ItemScorer)
    np.testing.assert_array_equal(dense(again.scorer), dense(model.scorer))
    guests = again.fold_in({"new": [small.train.items.raw(np.array([0]))[0]]})
    assert guests.recommend(["new"], k=3).height == 3


def test_the_power_has_bounds():
    with pytest.raises(SettingError, match="popularity"):
        build_method("ease", {"popularity": 3.0})
