"""How weights are read, chosen by the validation part."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import fullrank as fr
from fullrank.data.splits import Split, random_split
from fullrank.data.synthetic import generate
from fullrank.data.weighting import Way
from fullrank.errors import FitError, SettingError
from fullrank.methods import AllPass, Method
from fullrank.methods.fitting import fit
from fullrank.portfolio import Auto, read_weights


def split(meaning: str) -> Split:
    """Held-out items are those of a user's community; weights tell them apart, or nothing."""
    rng = np.random.default_rng(2)
    pairs = generate(300, 120, 6000, seed=4)
    liked = rng.random(len(pairs)) < 0.5
    users, items = pairs.user_idx.astype(np.int64), pairs.item_idx.astype(np.int64)
    if meaning == "much":  # half of the pairs are noise, with a hundredth of the weight
        items = np.where(liked, items, rng.integers(pairs.n_items, size=len(items)))
        weight = np.where(liked, 100.0, 1.0)
    else:
        weight = np.exp(3 * rng.standard_normal(len(items)))
    data = fr.Interactions.from_rows(pairs.users, pairs.items, users, items, weight=weight)
    return random_split(data, validation=0.2, test=0.1, seed=0)


@pytest.mark.parametrize(("meaning", "ways"), [("much", {"given", "log"}), ("nothing", {"none"})])
def test_the_validation_part_says(meaning: str, ways: set[Way]) -> None:
    model = fr.Recommender("itemknn", weighting="auto").fit(split(meaning))
    assert model.settings.weighting in ways
    if model.settings.weighting != "given":
        tried = model.training["weighting"]["tried"]
        assert max(tried, key=tried.__getitem__) == model.settings.weighting
        assert len(tried) == 3


@pytest.mark.slow
def test_auto_chooses_and_keeps_it(tmp_path: Path) -> None:
    data = split("nothing")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = fr.Recommender(budget="4s").fit(data)
    assert model.settings.weighting == "none"
    assert model.train.weight is None
    model.save(tmp_path / "m")
    again = fr.Recommender.load(tmp_path / "m")
    assert again.settings == model.settings
    assert again.refit().training["weighting"] == model.training["weighting"]


def test_a_named_method_reads_them_as_given() -> None:
    data = split("nothing")
    model = fr.Recommender("ease").fit(data)
    assert model.train is data.train
    assert "weighting" not in model.training


def test_new_users_are_read_as_those_of_train(tmp_path: Path) -> None:
    data = split("nothing")
    model = fr.Recommender("ease", weighting="log").fit(data)
    model.save(tmp_path / "m")
    folded = fr.Recommender.load(tmp_path / "m").fold_in(data.train)
    known = torch.from_numpy(np.flatnonzero(model.train.user_degree))
    assert torch.equal(folded.scorer.scores(known), model.scorer.scores(known))


def test_the_last_fit_keeps_the_way() -> None:
    data = split("nothing")
    model = fr.Recommender("ease", weighting="log").fit(data, final=True)
    assert model.training["weighting"]["way"] == "log"
    whole = fr.Recommender("ease").fit(model.train)
    assert torch.equal(whole.scorer.scores(torch.arange(5)), model.scorer.scores(torch.arange(5)))


def test_without_validation_auto_takes_the_logarithm() -> None:
    with pytest.warns(UserWarning, match="no validation part"):
        model = fr.Recommender().fit(split("nothing").train)
    assert model.settings.weighting == "log"


def test_an_unknown_way_is_refused() -> None:
    with pytest.raises(SettingError, match="weighting"):
        fr.Recommender("ease", weighting="sqrt")


def test_a_judge_that_fails_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(method: Method, *given: Any) -> Any:
        if method.name == "allpass":
            raise FitError("here", "a fault", "none")
        return fit(method, *given)

    monkeypatch.setattr("fullrank.portfolio.weighting.fit", fails)
    parts = split("nothing").parts
    read, said = read_weights(Auto(), parts, "cpu")
    assert said["weighting"]["way"] == "none"
    assert read["train"].weight is None
    with pytest.raises(FitError, match="a fault"):
        read_weights(AllPass(weighting="auto"), parts, "cpu")
