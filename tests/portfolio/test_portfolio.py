"""``method="auto"``: what it tries, what it chooses, and what it leaves out with which words."""

from __future__ import annotations

import itertools
import json
import os
import warnings
from functools import partial

import pytest
import torch

import fullrank as fr
from fullrank.errors import FitError, SettingError
from fullrank.evaluation import evaluate
from fullrank.methods import EASE, AllPass, build_method
from fullrank.methods.fitting import fit, vary
from fullrank.portfolio.auto import Auto
from fullrank.portfolio.board import METRIC, ranked
from fullrank.portfolio.contest import KEEP, TRIALS, Contest
from fullrank.portfolio.costs import Costs
from fullrank.portfolio.entries import ENTRIES, Entry, Ratio
from fullrank.portfolio.training import OutOfTime, epochs_within, watched
from fullrank.training import Silent

CLOSED = tuple(entry for entry in ENTRIES if entry.method != "directspec+")
NAMES = [entry.method for entry in ENTRIES]


@pytest.fixture(scope="module")
def model(small) -> fr.Recommender:
    return fr.Recommender("auto", budget="5m").fit(small)


def contest(split, budget=300.0, entries=CLOSED, **options) -> Contest:
    return Contest(Auto(budget=budget), split.parts, "cpu", entries=entries, **options)


def board(run: Contest) -> dict[str, dict]:
    return {line.method: line.record() for line in ranked(run.run())}


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
        assert line["method"] == "blend" or 1 <= line["trials"] <= TRIALS
    assert {"popularity", "ease"} <= {line["method"] for line in lines if line[METRIC] is not None}
    assert json.dumps(model.training["auto"], allow_nan=False)


def test_only_methods_near_the_best_are_searched_on(small):
    run = contest(small)
    lines = {line.method: line for line in run.run()}
    begun = {name: len(run.entries[name].starts) for name in lines}
    first = {
        name: max(trial[METRIC] for trial in line.trials[: begun[name]])
        for name, line in lines.items()
        if line.best
    }
    for name, value in first.items():
        weak = value < KEEP * max(first.values())
        more = len(lines[name].trials) > begun[name]
        assert more == (not weak and bool(run.entries[name].steps))


def test_a_method_is_searched_from_where_it_is_best(small):
    run = contest(small, entries=[Entry("ease", {"ridge": (1.0, 30.0, 250.0, 900.0)})])
    (line,) = run.run()
    tried = {trial["settings"]["ridge"]: trial[METRIC] for trial in line.trials}
    best = max(tried, key=tried.get)
    ladder = [1.0, 30.0, 250.0, 900.0]
    at = ladder.index(best)
    assert {*ladder[max(0, at - 2) : at + 3]} <= set(tried)  # no neighbour of it is better
    assert line.best.method.ridge == best
    assert line.settings == {"ridge": best}


def test_it_goes_on_in_the_direction_that_helped(small, monkeypatch):
    """Of two settings the one that helped last moves first, although it is the second."""
    steps = {"neighbours": (20, 50, 100), "shrinkage": (0.0, 10.0, 20.0, 30.0, 40.0)}
    run = contest(small, entries=[Entry("itemknn", steps)])
    (line,) = (run._begin(["itemknn"]), *run.lines.values())[1:]
    assert run._next("itemknn").neighbours == 20
    line.toward = ("shrinkage", True)
    assert run._next("itemknn").shrinkage == 30.0
    line.toward = ("shrinkage", False)
    assert run._next("itemknn").shrinkage == 0.0


def test_the_next_trial_goes_to_the_method_that_took_the_least_time(small):
    entries = [Entry("itemknn", {"shrinkage": (0.0, 20.0)}), Entry("ease", {"ridge": (60.0,)})]
    run = contest(small, entries=entries)
    run._begin(["itemknn", "ease"])
    run.lines["itemknn"].seconds, run.lines["ease"].seconds = 5.0, 4.0
    order, attempt = [], run._try
    run._try = lambda name, method: order.append(name) or attempt(name, method)
    run._search_on(None)
    assert order == ["ease", "itemknn", "itemknn"]


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


def test_no_time_leaves_popularity_alone_and_says_so(small):
    lines = board(contest(small, budget=1e-9, entries=ENTRIES))
    assert lines.pop("popularity")[METRIC] is not None
    for line in lines.values():
        assert line[METRIC] is None
        assert line["trials"] == 0
        assert line["note"] == "left out: no time left"


def test_the_budget_ends_the_search(small):
    ticks = itertools.count()
    run = contest(small, budget=40.0, clock=lambda: float(next(ticks)))
    lines = list(run.run())
    last = next(ticks)
    assert any("no time left" in (line.note or "") for line in lines)
    assert last < 40 + 2 * len(lines)  # no trial begins when it is over; every look is a second


def test_what_takes_longer_than_is_left_is_not_begun(small, monkeypatch):
    monkeypatch.setattr(Costs, "seconds", lambda self, method: 1e6 * (method.name == "ease"))
    line = board(contest(small))["ease"]
    assert line["note"].startswith("left out: takes some 1000000 s, and ")
    assert line[METRIC] is None


def test_without_memory_for_its_matrix_ease_is_left_out(small):
    needed = Costs(small.train).memory(EASE())
    lines = board(contest(small, free=lambda: needed - 1))
    assert lines["ease"]["note"].startswith("left out: needs some ")
    assert lines["ease"]["note"].endswith(" are free")
    assert lines["ease"][METRIC] is None
    assert board(contest(small, free=lambda: needed))["ease"][METRIC] is not None


def test_ease_needs_its_matrix(small):
    costs, n = Costs(small.train), small.train.n_items
    assert costs.memory(EASE(ridge=1e-3)) >= 12 * n**2
    assert costs.memory(EASE(ridge=1e6)) >= 4 * n**2
    assert costs.memory(EASE(ridge=1e-3)) - costs.memory(EASE(ridge=1e6)) == 8 * n**2


def test_every_method_has_a_cost(small):
    costs = Costs(small.train)
    for entry in ENTRIES:
        for method in entry.first(0):
            assert costs.memory(method.fitted_to(small.train)) > 0
            assert costs.seconds(method.fitted_to(small.train)) >= 0


@pytest.mark.parametrize(
    "error", [RuntimeError("it\nbroke"), MemoryError(), FitError("a", "b", "c")]
)
def test_a_method_that_fails_is_a_line(small, monkeypatch, error):
    def fail(self, data, device):
        raise error

    monkeypatch.setattr(EASE, "solve", fail)
    line = board(contest(small))["ease"]
    assert line[METRIC] is None
    assert line["note"].startswith("failed: ")
    assert "\n" not in line["note"]


def test_if_nothing_can_be_fitted_it_says_why(small, monkeypatch):
    def fail(self, *_):
        raise FitError("a", "b", "c")

    monkeypatch.setattr(Contest, "_part", fail)
    with pytest.raises(FitError, match="method auto: found no method that fits"):
        fr.Recommender("auto").fit(small)


def test_there_must_be_something_to_choose_by(small):
    with pytest.raises(FitError, match="method auto: found no validation part; expected one to"):
        fr.Recommender("auto").fit(small.train)
    nobody = small.validation.select([])
    with pytest.raises(FitError, match="no user of train in validation"):
        fr.Recommender("auto").fit(small.train, nobody)


def test_a_run_does_not_go_on(small, tmp_path):
    with pytest.raises(SettingError, match="resume: found method auto; expected to begin anew"):
        fr.Recommender("auto").fit(small, checkpoint=tmp_path / "c", resume=True)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90.0), ("10m", 600.0), ("1.5h", 5400.0), ("7", 7.0), (3, 3.0)]
)
def test_budgets(text, seconds):
    assert fr.Recommender("auto", budget=text).settings.budget == seconds


@pytest.mark.parametrize("text", ["", "m", "-3s", "10 weeks", "0", 0, -1, None, "nan"])
def test_no_budgets(text):
    with pytest.raises(SettingError, match="setting budget"):
        fr.Recommender("auto", budget=text)


def test_what_is_not_a_setting_of_auto():
    with pytest.raises(SettingError, match="setting dim: found no such name"):
        fr.Recommender("auto", dim=8)
    with pytest.raises(SettingError, match="setting budget: found no such name"):
        fr.Recommender("ease", budget=8)
    with pytest.raises(SettingError, match="preset: found 'published:citeulike' with method auto"):
        fr.Recommender("auto", preset="published:citeulike")


def test_it_is_searched_again_when_fitted_again(small):
    model = fr.Recommender("auto", budget=1e-9)
    assert model.fit(small).method == "popularity"
    assert "auto" in model.fit(small).training


@pytest.mark.parametrize("values", [{"power": 0.0}, {"weight": 0.3}, {"hop": 0.5, "power": 1.0}])
def test_allpass_with_another_filter_of_the_same_pairs(small, values):
    first, second = AllPass(), AllPass(**values)
    fitted = fit(first, small.parts, "cpu")
    varied, alone = vary(second, first, fitted, small.train), fit(second, small.parts, "cpu")
    users = torch.arange(small.train.n_users)
    assert torch.equal(varied[0].scores(users), alone[0].scores(users))
    assert varied[1]["allpass"] == alone[1]["allpass"]
    assert varied[1]["effective_rank"] == alone[1]["effective_rank"]


def test_other_pairs_are_found_anew(small):
    fitted = fit(AllPass(), small.parts, "cpu")
    assert vary(AllPass(exponent=0.4), AllPass(), fitted, small.train) is None
    assert vary(EASE(ridge=2.0), EASE(), fit(EASE(), small.parts, "cpu"), small.train) is None


def test_a_step_from_a_reduced_size_is_along_the_ladder():
    entry = Entry("itemknn", {"neighbours": (20, 50, 400)})
    first = build_method("itemknn", {})
    near = entry.near(first.replace(neighbours=119), {})
    assert near == [
        ("neighbours", 50, False), ("neighbours", 100, False), ("neighbours", 400, True),
    ]  # fmt: skip
    near = entry.near(first.replace(neighbours=400), {})
    assert near == [("neighbours", 50, False), ("neighbours", 100, False)]


def test_a_step_by_a_factor_begins_where_the_rule_ended():
    entry = Entry("allpass", {"weight": Ratio(2.0), "rank": Ratio(1.5)})
    first, found = AllPass(), {"weight": 0.01234, "rank": 40}
    assert entry.values(first, found) == {"weight": 0.012, "rank": 40}
    assert entry.near(first, found) == [
        ("weight", 0.003, False), ("weight", 0.048, True),
        ("rank", 17, False), ("rank", 90, True),
        ("weight", 0.006, False), ("weight", 0.024, True),
        ("rank", 26, False), ("rank", 60, True),
    ]  # fmt: skip


def test_epochs_follow_the_time(small):
    method = build_method("directspec+", {"dim": 8, "batch_size": 64})
    assert epochs_within(method, small.parts, "cpu", lambda: 1e6) == method
    short = epochs_within(method.replace(epochs=10**6), small.parts, "cpu", lambda: 20.0)
    assert 5 <= short.epochs < 10**6
    assert short.auto == method.auto
    with pytest.raises(OutOfTime, match="left out: time for 0 epochs"):
        epochs_within(method, small.parts, "cpu", lambda: 0.0)


def test_training_ends_with_the_time(small):
    left = iter([1.0, 0.0])
    reporter = watched(Silent(), lambda: next(left))
    reporter.epoch({})
    with pytest.raises(OutOfTime):
        reporter.epoch({})


def test_what_the_winner_warned_of_is_said(small, monkeypatch):
    solve = EASE.solve

    def warned(self, data, device):
        warnings.warn(f"ridge {self.ridge:g}", stacklevel=1)
        return solve(self, data, device)

    monkeypatch.setattr(EASE, "solve", warned)
    only = tuple(entry for entry in ENTRIES if entry.method in ("popularity", "ease"))
    run = partial(Contest, entries=only)
    monkeypatch.setattr("fullrank.portfolio.fitting.Contest", run)
    with pytest.warns(UserWarning, match="ridge") as said:
        model = fr.Recommender("auto").fit(small)
    assert [str(each.message) for each in said] == [f"ridge {model.settings.ridge:g}"]


@pytest.mark.slow
def test_on_ml_100k_it_is_no_worse_than_ease_and_popularity():
    if "FULLRANK_DATA" not in os.environ:
        pytest.skip("FULLRANK_DATA names no folder with ml-100k")
    split = fr.load("ml-100k", validation=0.1)
    model = fr.Recommender("auto", budget="2m").fit(split)
    lines = {line["method"]: line for line in model.training["auto"]["leaderboard"]}
    assert model.training[METRIC] > lines["popularity"][METRIC]
    assert model.training[METRIC] >= lines["ease"][METRIC] > 0.23
    assert model.training["auto"]["seconds"] < 125
