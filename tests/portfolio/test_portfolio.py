"""``method="auto"``: what it tries, what it chooses, and what it leaves out with which words."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import warnings
from functools import partial

import numpy as np
import pytest
import torch

import fullrank as fr
from fullrank.errors import FitError, SettingError, Stopped
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
    bar = max(first.values())
    for name, value in first.items():
        further, best = len(lines[name].trials) - begun[name], lines[name].best.value
        assert (further > 0) == (value >= KEEP[0] * bar and bool(run.entries[name].steps))
        assert further <= 3 or best >= KEEP[3] * bar
        assert further <= 6 or best >= KEEP[6] * bar


def test_a_method_that_stays_behind_is_searched_on_no_more(small):
    run = contest(small, entries=[Entry("ease", {"ridge": tuple(range(190, 320, 10))})])
    run._begin(["ease"])
    run._bar = run.lines["ease"].best.value / 0.9
    run._search_on(None)
    assert len(run.lines["ease"].trials) == 1 + 3
    assert run.lines["ease"].note == "not searched on: below 92% of the best"


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


@pytest.mark.parametrize("entry", CLOSED, ids=[entry.method for entry in CLOSED])
def test_what_a_model_keeps_is_within_the_estimate(small, entry):
    """The least that a bound has to hold: the numbers of the model itself."""
    method = entry.first(0)[-1].fitted_to(small.train)
    kept = fit(method, small.parts, "cpu")[1]["parameters"]
    assert 4 * kept <= Costs(small.train).memory(method)


def test_a_filter_takes_memory_and_time_for_its_singular_pairs(small):
    costs = Costs(small.train)
    for name in ("chebycf", "bspm", "sgfcf"):
        few, many = (build_method(name, {"rank": rank}) for rank in (4, 40))
        assert costs.memory(many) - costs.memory(few) > 4 * 36 * (small.train.n_items + 200)
        assert costs.seconds(many) > costs.seconds(few)
        assert costs.filter_rank(many) == 40
        assert costs.filter_rank(build_method(name, {})) == 16
    assert costs.filter_rank(AllPass()) is None
    order = [build_method("chebycf", {"order": order}) for order in (2, 8)]
    assert costs.seconds(order[1]) > costs.seconds(order[0])


def test_the_rank_of_a_filter_moves_from_what_its_rule_gave(small):
    run = contest(small, entries=[Entry("bspm", {"rank": Ratio(2.0)})])
    (line,) = run.run()
    assert [trial["settings"]["rank"] for trial in line.trials[:2]] == [16, 4]


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


@pytest.mark.parametrize("made", [fr.Recommender, partial(fr.Recommender, "auto", budget=9)])
def test_with_nothing_to_choose_by_it_is_allpass_and_says_so(small, made):
    alone = fr.Recommender("allpass").fit(small.train).recommend(k=5)
    strangers = np.flatnonzero(small.validation.user_idx == 0)
    without = small.train.select(np.flatnonzero(small.train.user_idx != 0))
    for validation in (None, small.validation.select([])):
        with pytest.warns(UserWarning, match="no validation part, so no method can be chosen: all"):
            model = made().fit(small.train, validation)
        assert model.method == "allpass"
        assert "auto" not in model.training
        assert model.recommend(k=5).equals(alone)
    with pytest.warns(UserWarning, match="no user of train in the validation part, so no"):
        made().fit(without, small.validation.select(strangers))


def test_auto_is_the_default():
    assert fr.Recommender().settings == fr.Recommender("auto").settings
    assert fr.Recommender(budget="1m", seed=4).settings == Auto(budget=60, seed=4)


def test_settings_without_a_method_are_those_of_directspec():
    assert fr.Recommender(dim=8).settings == build_method("directspec+", {"dim": 8})
    preset = fr.Recommender(preset="published:citeulike", seed=2).settings
    assert preset == fr.Recommender("directspec+", preset="published:citeulike", seed=2).settings
    with pytest.raises(SettingError, match=r"setting ridge: found no method; expected .*: ease"):
        fr.Recommender(ridge=3.0)
    with pytest.raises(SettingError, match="setting dimm: found no such name; expected 'dim'"):
        fr.Recommender(dimm=3)


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


def test_training_ends_with_the_time_and_keeps_what_it_has(small):
    """A search that is cut short goes on with the trials that it has, to the best of them."""
    method = build_method("directspec+", {"dim": 8, "batch_size": 64, "epochs": 12})
    asked = itertools.count()
    scorer, training = fit(method, small.parts, "cpu", enough=lambda: next(asked) >= 12)
    spent = sum(trial["epochs"] for trial in training["search"])
    assert 3 <= spent <= 12
    tried = [trial[METRIC] for trial in training["search"] if trial[METRIC] is not None]
    again = evaluate(scorer, small.validation, train=small.train, k=20, metrics=("ndcg",))
    assert again["ndcg@20"] == training[METRIC] == max(tried)


def test_a_contest_keeps_what_was_trained_when_the_time_was_over(small):
    method = build_method("directspec+", {"dim": 8, "batch_size": 64, "epochs": 60})
    run = contest(small, entries=[Entry("directspec+", starts=({"dim": 8, "batch_size": 64},))])
    over = []

    class Reporter(Silent):
        def trial(self, record):
            over.append(record)

    run.reporter = Reporter()
    run.clock = lambda: 1e6 if len(over) >= 2 else 0.0
    run.began = 0.0
    (line,) = run.run()
    assert line.best.method.name == method.name
    assert line.best.fitted[1]["epochs"] == 3
    assert line.best.value == max(each[METRIC] for each in over[:2])


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


def searched(method, trials):
    reporter = watched(Silent(), method, leader=1.0)
    for epochs, value in trials:
        reporter.trial({"epochs": epochs, METRIC: value})


def test_a_search_far_from_the_leader_is_stopped_after_a_rung():
    """Of at most 60 epochs trials are compared after 3, 6 and 12."""
    method = build_method("directspec+", {"epochs": 60})
    near = [(3, 0.2), (3, 0.41), (6, 0.61), (12, 0.7), (12, 0.81)]
    searched(method, near)
    for epochs, value in ((3, 0.39), (6, 0.59), (12, 0.79)):
        with pytest.raises(OutOfTime, match=rf"{value:.4f} after {epochs} epochs, and 1.0000 is"):
            searched(method, [(each, min(had, value)) for each, had in near])
    watched(Silent(), method, leader=0.0).trial({"epochs": 12, METRIC: None})


def test_the_next_trial_takes_as_much_longer_as_the_estimate_says(small, monkeypatch):
    monkeypatch.setattr(Costs, "seconds", lambda self, method: getattr(method, "neighbours", 0))
    run = contest(small, entries=[Entry("itemknn")])
    line = run.lines["itemknn"]
    first = build_method("itemknn", {"neighbours": 50})
    assert run._takes(line, first) == 50
    run._try("itemknn", first)
    assert line.largest == (50, line.trials[0]["seconds"])
    line.largest = (50, 3.0)
    run._try("itemknn", first.replace(neighbours=20))
    assert line.largest == (50, 3.0)
    assert run._takes(line, first.replace(neighbours=100)) == 6.0
    assert run._takes(line, first.replace(neighbours=25)) == 3.0
    line.largest = (50, 3000.0)  # that was no work in proportion to the estimate
    assert run._takes(line, first.replace(neighbours=100)) == 3500.0


def test_many_users_are_compared_by_some(small, monkeypatch):
    monkeypatch.setattr("fullrank.portfolio.contest.EVALUATED", 30)
    (line,) = contest(small, entries=[Entry("ease")]).run()
    users = line.best.evaluation.users
    assert len(users) == len(set(users)) == 30
    again = evaluate(line.best.fitted[0], small.validation, train=small.train, k=20, users=users)
    assert again["ndcg@20"] == line.best.value
    other = contest(small, entries=[Entry("popularity")]).run()[0].best.evaluation.users
    assert np.array_equal(other, users)


def interrupting(after, number=None):
    """A reporter that is interrupted after so many trials."""

    class Reporter(Silent):
        left = after

        def trial(self, record):
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt if number is None else Stopped(number)

    return Reporter()


@pytest.mark.parametrize(("number", "name"), [(None, "SIGINT"), (15, "SIGTERM")])
def test_stopped_it_is_the_best_that_was_whole(small, number, name):
    model = fr.Recommender(budget="5m")
    with pytest.raises(KeyboardInterrupt) as stop:
        model.fit(small, reporter=interrupting(4, number))
    assert getattr(stop.value, "number", 2) == (number or 2)
    auto = model.training["auto"]
    assert (auto["stopped"], model.method) == (name, auto["won"])
    assert sum(len(each) for each in auto["trials"].values()) == 4
    values = [each[METRIC] for trials in auto["trials"].values() for each in trials]
    assert model.training[METRIC] == max(values)
    notes = {line["method"]: line["note"] for line in auto["leaderboard"]}
    assert notes["ease"] == "left out: stopped before it was whole"
    assert len(model.recommend(k=3))


def test_stopped_before_anything_is_whole_there_is_no_model(small, monkeypatch):
    def interrupted(self, name, method):
        raise KeyboardInterrupt

    monkeypatch.setattr(Contest, "_part", interrupted)
    model = fr.Recommender()
    with pytest.raises(KeyboardInterrupt):
        model.fit(small)
    assert not model.training
    with pytest.raises(fr.NotFittedError):
        model.recommend()


def test_stopped_while_parts_are_blended_it_is_the_best_of_them(small, monkeypatch):
    def interrupted(*_, **__):
        raise Stopped(15)

    only = tuple(entry for entry in ENTRIES if entry.method in ("popularity", "ease"))
    monkeypatch.setattr("fullrank.portfolio.fitting.Contest", partial(Contest, entries=only))
    monkeypatch.setattr("fullrank.portfolio.fitting.blend", interrupted)
    model = fr.Recommender()
    with pytest.raises(Stopped):
        model.fit(small)
    assert (model.method, model.training["auto"]["stopped"]) == ("ease", "SIGTERM")


def test_a_signal_that_got_lost_is_heeded_before_the_next_trial(small):
    """As one that strikes in a destructor, whose exception Python only prints."""

    class Reporter(Silent):
        def trial(self, record):
            with contextlib.suppress(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)

    run = contest(small, reporter=Reporter())
    with interruptible():
        lines = run.run()
    assert run.stopped == signal.SIGINT
    assert sum(len(line.trials) for line in lines) == 1


@contextlib.contextmanager
def interruptible():
    """Python's own Ctrl-C, whatever started the tests."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


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
