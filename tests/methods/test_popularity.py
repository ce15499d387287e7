"""Scores times a power of the items' popularity."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import fullrank as fr
from fullrank.errors import DataError, FitError, SettingError
from fullrank.methods import build_method
from fullrank.methods.closed_form.popular import ByPopularity
from fullrank.methods.fitting import fit, vary
from fullrank.serving.kinds import single_of

METHODS = {
    "ease": {},
    "slim": {"neighbours": 20},
    "itemknn": {"neighbours": 20},
    "turbo-cf": {},
    "spectral": {"rank": 20},
    "allpass": {"rank": 20},
    "bspm": {"rank": 20},
    "chebycf": {"rank": 20},
    "gf-cf": {"rank": 20},
    "sgfcf": {"rank": 20, "beta_low": 0.5, "beta_high": 1.5},
    "ials": {"dim": 8, "regularization": 0.01, "iterations": 3},
}
OTHERS = [
    *({"neighbours": 10}, {"ridge": 3.0}, {"rank": 10}, {"alpha": 0.7}, {"exponent": 0.6}),
    *({"beta": 0.2}, {"epsilon": 0.5}, {"seed": 3}),
]


def all_scores(scorer, n):
    return scorer.scores(torch.arange(n))


def test_every_method_with_a_power_of_popularity_is_here():
    named = {name for name, kind in fr.methods.METHODS.items() if issubclass(kind, ByPopularity)}
    assert named == set(METHODS)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("power", [-0.3, 0.25, 2.0])
def test_scores_are_multiplied(small, name, power):
    n = small.train.n_users
    plain = all_scores(build_method(name, METHODS[name]).solve(small.train, "cpu"), n)
    scaled = build_method(name, {**METHODS[name], "popularity": power}).solve(small.train, "cpu")
    wanted = plain.double().numpy()
    for item, degree in enumerate(small.train.item_degree):
        wanted[:, item] *= max(degree, 1) ** power
    near = 1e-6 * np.abs(wanted).max()  # sums of terms of both signs
    np.testing.assert_allclose(all_scores(scaled, n), wanted, rtol=1e-4, atol=near)


@pytest.mark.parametrize("name", METHODS)
def test_another_power_needs_no_new_solution_and_has_the_same_bits(small, name, monkeypatch):
    first = build_method(name, {**METHODS[name], "popularity": 0.1})
    n, parts = small.train.n_users, {"train": small.train}
    made = fit(first, parts, "cpu")
    before = all_scores(made[0], n)
    solved = {power: fit(first.replace(popularity=power), parts, "cpu") for power in (-0.2, 0.0)}
    monkeypatch.setattr(type(first), "solve", None)
    of, there = first, made
    for power, other in solved.items():  # the second from the first, too
        method = first.replace(popularity=power)
        there, of = vary(method, of, there, small.train), method
        assert torch.equal(all_scores(there[0], n), all_scores(other[0], n))
        timed = {"seconds", "seconds_with_validation"}
        assert {k: v for k, v in there[1].items() if k not in timed} == {
            k: v for k, v in other[1].items() if k not in timed
        }
    assert torch.equal(all_scores(made[0], n), before)  # the first model is what it was


@pytest.mark.parametrize("name", ["ease", "allpass", "ials"])
def test_seconds_are_with_those_of_the_solution(small, name):
    first = build_method(name, METHODS[name])
    scorer, known = fit(first, {"train": small.train}, "cpu")
    known |= {"seconds": 100.0, "seconds_with_validation": 100.0}
    _, found = vary(first.replace(popularity=0.5), first, (scorer, known), small.train)
    for each in ("seconds", "seconds_with_validation"):
        assert 100 < found[each] < 160


@pytest.mark.parametrize("name", METHODS)
def test_other_settings_need_one(small, name):
    first = build_method(name, METHODS[name])
    assert first.replace(popularity=0.3).varies(first)
    assert not first.varies(build_method("popularity", {}))
    own, tried = set(type(first).model_fields), 0
    for changed in OTHERS:
        if set(changed) <= own:
            other = first.replace(popularity=0.3, **changed)
            if other.model_dump() | {"popularity": 0.0} != first.model_dump():
                assert not other.varies(first)
                tried += 1
    assert tried


@pytest.mark.parametrize("name", METHODS)
def test_guests_and_files_have_it(small, name, tmp_path):
    model = fr.Recommender(name, **METHODS[name], popularity=0.5).fit(small)
    plain = fr.Recommender(name, **METHODS[name]).fit(small)
    model.save(tmp_path / "model")
    again = fr.Recommender.load(tmp_path / "model")
    assert again.settings.popularity == 0.5
    n = small.train.n_users
    assert torch.equal(all_scores(again.scorer, n), all_scores(model.scorer, n))
    items = small.train.items.raw(np.array([3, 5, 8]))
    guests = [each.fold_in({"new": items}) for each in (model, again, plain)]
    lists = [each.recommend(["new"], k=5) for each in guests]
    assert lists[0].equals(lists[1])
    scores = [all_scores(each.scorer, 1)[0].double().numpy() for each in guests]
    by = np.maximum(small.train.item_degree, 1.0) ** 0.5
    np.testing.assert_allclose(scores[0], scores[2] * by, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", [name for name in METHODS if name != "ials"])
def test_what_explains_a_score_adds_up_to_it(small, name):
    model = fr.Recommender(name, **METHODS[name], popularity=0.5).fit(small)
    scores = model.scorer.scores(torch.tensor([7]))[0]
    added = model.scorer.by_history(7).sum(dim=0)
    np.testing.assert_allclose(added, scores, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_popular_items_come_earlier_the_higher_the_power(small):
    for name in METHODS:
        shown = []
        for power in (-0.5, 0.0, 0.5):
            model = fr.Recommender(name, **METHODS[name], popularity=power).fit(small)
            shown.append(model.evaluate(k=(10,))["mean_popularity@10"])
        assert shown == sorted(shown)
        assert shown[0] < shown[1] < shown[2]


def test_the_power_has_bounds():
    with pytest.raises(SettingError, match="popularity"):
        build_method("ease", {"popularity": 3.0})


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -1.0])
def test_factors_of_a_folder_are_checked(small, tmp_path, wrong):
    scorer = build_method("gf-cf", {"rank": 20, "popularity": 0.5}).solve(small.train, "cpu")
    save_file(scorer.tensors(), tmp_path / "t.safetensors")
    tensors = load_file(tmp_path / "t.safetensors")
    tensors["item_factors"][4] = wrong
    with pytest.raises(DataError, match="item_factors: found a negative one, NaN or infinity"):
        single_of(tensors, small.train)
    tensors["item_factors"] = torch.ones(3)
    with pytest.raises(DataError, match="tensor item_factors"):
        single_of(tensors, small.train)


def test_factors_that_lead_out_of_float32_are_refused(small):
    scorer = build_method("gf-cf", {"rank": 20}).solve(small.train, "cpu")
    huge = np.full(small.train.n_items, 3e38, dtype=np.float32)
    with pytest.raises(FitError, match="numbers whose sums may be infinite"):
        scorer.with_factors(huge)
