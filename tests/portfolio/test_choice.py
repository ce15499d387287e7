"""What ``method="auto"`` chooses: the best of what it tried, as a model of the method that won."""

from __future__ import annotations

import json
import warnings
from functools import partial

import numpy as np
import polars as pl
import pytest
import torch
from contests import contest

import fullrank as fr
from fullrank.evaluation import evaluate
from fullrank.methods import EASE
from fullrank.portfolio.board import METRIC
from fullrank.portfolio.contest import TRIALS, Contest
from fullrank.portfolio.entries import ENTRIES, Entry

NAMES = [entry.method for entry in ENTRIES]


@pytest.fixture(scope="module")
def model(small) -> fr.Recommender:
    return fr.Recommender("auto", budget="5m").fit(small)


@pytest.mark.slow
def test_the_choice_is_as_good_as_every_trial(model, small):
    auto, value = model.training["auto"], model.training[METRIC]
    trials = [trial for each in auto["trials"].values() for trial in each]
    assert value == max(trial[METRIC] for trial in trials if METRIC in trial)
    assert auto["won"] == model.method == model.settings.name == auto["leaderboard"][0]["method"]
    again = evaluate(model.scorer, small.validation, train=small.train, k=20)
    assert again["ndcg@20"] == value


def test_the_leaderboard_has_a_line_for_each_method_best_first(model):
    lines = model.training["auto"]["leaderboard"]
    assert sorted(line["method"] for line in lines) == sorted([*NAMES, "blend"])
    values = [line[METRIC] for line in lines if line[METRIC] is not None]
    assert values == sorted(values, reverse=True)
    assert [line[METRIC] is None for line in lines] == [False] * len(values) + [True] * (
        len(lines) - len(values)
    )
    for line in lines:
        if line[METRIC] is None:
            assert line["note"].startswith(("left out", "failed"))
            continue
        low, high = line["interval"]
        assert low <= line[METRIC] <= high
        assert line["seconds"] >= 0
        assert line["memory"] >= 0
        assert line["trials"] >= 1
    assert {"popularity", "ease"} <= {line["method"] for line in lines if line[METRIC] is not None}
    assert json.dumps(model.training["auto"], allow_nan=False)


def test_a_bounded_number_of_trials_takes_a_solution_of_its_own(model):
    short = {"allpass": {"power", "weight", "popularity"}}
    for name, trials in model.training["auto"]["trials"].items():
        free = short.get(name, {"popularity"})
        solved = [{k: v for k, v in each["settings"].items() if k not in free} for each in trials]
        assert len({json.dumps(each, sort_keys=True) for each in solved}) <= TRIALS


@pytest.mark.slow
def test_the_same_bits_again(small):
    first, second = (fr.Recommender("auto").fit(small) for _ in range(2))
    assert first.settings == second.settings
    lists = [model.recommend() for model in (first, second)]
    assert lists[0].equals(lists[1])
    values = [
        [trial.get(METRIC) for each in model.training["auto"]["trials"].values() for trial in each]
        for model in (first, second)
    ]
    assert values[0] == values[1]


def test_the_model_is_one_of_the_method_that_won(model, small, tmp_path):
    alone = fr.Recommender(model.settings.replace()).fit(small)
    new = {"new": [model.items.values[3], model.items.values[8]]}
    model.save(tmp_path / "m")
    loaded = fr.Recommender.load(tmp_path / "m")
    for other in (alone, loaded):
        assert other.method == model.method
        assert other.recommend(k=5).equals(model.recommend(k=5))
        assert other.fold_in(new).recommend(k=5).equals(model.fold_in(new).recommend(k=5))
        item = model.items.values[:1]
        assert other.similar_items(item).equals(model.similar_items(item))
    assert loaded.training["auto"] == model.training["auto"]


@pytest.mark.parametrize("winner", ["ease", "popularity", "allpass", "itemknn"])
def test_whatever_wins_is_as_if_fitted_alone(small, winner):
    only = tuple(entry for entry in ENTRIES if entry.method == winner)
    (line,) = contest(small, entries=only).run()
    fitted = fr.Recommender(line.best.method).fit(small)
    users = torch.arange(small.train.n_users)
    assert torch.equal(line.best.fitted[0].scores(users), fitted.scorer.scores(users))


def test_what_the_winner_warned_of_is_said(small, monkeypatch):
    solve = EASE.solve

    def warned(self, data, device):
        warnings.warn(f"ridge {self.ridge}", stacklevel=1)
        return solve(self, data, device)

    monkeypatch.setattr(EASE, "solve", warned)
    only = tuple(entry for entry in ENTRIES if entry.method in ("popularity", "ease"))
    run = partial(Contest, entries=only)
    monkeypatch.setattr("fullrank.portfolio.fitting.Contest", run)
    with pytest.warns(UserWarning, match="ridge") as said:
        model = fr.Recommender("auto").fit(small)
    assert [str(each.message) for each in said] == [f"ridge {model.settings.ridge}"]


@pytest.mark.slow
def test_where_no_method_has_a_hit_nothing_was_chosen():
    """As of a single user, whose held-out items nobody has."""
    table = {"user_id": ["u"] * 60, "item_id": [f"i{row}" for row in range(60)]}
    split = fr.data.random_split(fr.Interactions.from_frame(pl.DataFrame(table)), validation=0.1)
    with pytest.warns(UserWarning, match="no method has a pair .* the first, popularity, is kept"):
        model = fr.Recommender("auto", budget=30).fit(split)
    assert model.method == "popularity"
    assert model.training[METRIC] == 0


def test_many_users_are_compared_by_some(small, monkeypatch):
    monkeypatch.setattr("fullrank.portfolio.trials.EVALUATED", 30)
    (line,) = contest(small, entries=[Entry("ease")]).run()
    users = line.best.evaluation.users
    assert len(users) == len(set(users)) == 30
    again = evaluate(line.best.fitted[0], small.validation, train=small.train, k=20, users=users)
    assert again["ndcg@20"] == line.best.value
    other = contest(small, entries=[Entry("popularity")]).run()[0].best.evaluation.users
    assert np.array_equal(other, users)
