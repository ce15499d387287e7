"""What a trial is given, when it is stopped, and what a study says of its trials."""

from __future__ import annotations

import datetime
from types import SimpleNamespace

import optuna
import pytest

import fullrank as fr
from fullrank import DataError
from fullrank.data import Split
from fullrank.evaluation import evaluate
from fullrank.methods import Span
from fullrank.studies import tune as tuning
from fullrank.studies.trials import Watch, line_of, suggest
from fullrank.studies.tune import tune

SPACE = {"lr": Span(1.0, 2.0), "negatives": Span(1, 3)}
FIXED = {"dim": 8}
STATES = optuna.trial.TrialState


def by_learning_rate(optuna, trial, splits, method, values, threads):
    """A trial whose value is known."""
    assert values["dim"] == 8
    return STATES.COMPLETE, values["lr"]


@pytest.fixture
def known(monkeypatch):
    monkeypatch.setattr(tuning, "_run", by_learning_rate)


class Asked:
    """A trial that notes how it is asked."""

    def suggest_int(self, *span, log=False):
        return ("int", *span, log)

    def suggest_float(self, *span, log=False):
        return ("float", *span, log)

    def suggest_categorical(self, *span):
        return ("one of", *span)


def test_a_setting_is_drawn_from_its_span():
    for log in (False, True):
        assert suggest(Asked(), "x", Span(1, 8, log=log)) == ("int", "x", 1, 8, log)
        assert suggest(Asked(), "x", Span(0.5, 8, log=log)) == ("float", "x", 0.5, 8, log)
    assert suggest(Asked(), "x", (1, "a")) == ("one of", "x", [1, "a"])


def test_a_line_of_settings():
    assert line_of({"lr": 0.123456, "layers": 2}) == "lr 0.1235, layers 2"


def test_what_is_fixed_is_not_searched(small, known):
    study = tune(small, "bpr", 5, fixed={**FIXED, "lr": 1.5}, space=SPACE)
    assert set(study.space) == {"negatives"}
    assert study.settings["lr"] == study.value == 1.5


@pytest.mark.slow
def test_all_trials_of_a_study_count_where_fewer_are_asked_for(small, monkeypatch, tmp_path):
    """Or a summary would have less than the study, and what was found would be lost from it."""
    monkeypatch.setattr(tuning, "_run", lambda _, trial, *more: (STATES.COMPLETE, trial.number))
    file, lines = tmp_path / "study", []
    first, more, again = (
        tune(small, "bpr", trials, fixed=FIXED, space=SPACE, storage=file, log=lines.append)
        for trials in (2, 9, 2)
    )
    assert (first.trials, more.trials, again.trials) == (2, 9, 9)
    assert (first.value, more.value, again.value) == (1, 8, 8)
    assert lines[-1] == "9 trials are in the study already, and all of them count"
    assert sum("already" in line for line in lines) == 1


@pytest.mark.slow
def test_a_study_is_of_one_seed_and_one_split(small, known, tmp_path):
    options = {"fixed": FIXED, "space": SPACE, "storage": tmp_path / "study"}
    tune(small, "bpr", 2, **options)
    with pytest.raises(DataError, match="another seed"):
        tune(small, "bpr", 3, seed=1, **options)
    other = Split(small.name, small.test, small.validation, None)
    with pytest.raises(DataError, match="another split"):
        tune(other, "bpr", 3, **options)


def test_a_trial_that_was_stopped_is_never_the_best(small, monkeypatch):
    """Optuna gives it the last value that it reported."""

    def half_stopped(optuna, trial, *others):
        if trial.number % 2:
            return STATES.COMPLETE, 0.1 + trial.number / 100
        trial.report(0.9, 1)
        return STATES.PRUNED, None

    monkeypatch.setattr(tuning, "_run", half_stopped)
    lines = []
    study = tune(small, "bpr", 6, fixed=FIXED, space=SPACE, log=lines.append)
    assert study.value == pytest.approx(0.15)
    assert study.trials == 6
    assert ["best so far" in line for line in lines] == [False, True] * 3
    assert [line.split(": ")[1].split()[0] for line in lines[:2]] == ["pruned", "0.11000"]


def test_a_trial_stops_where_the_search_says_so(small, monkeypatch):
    def stops(model, split, watch):
        watch.epoch({"epoch": 5, "validation_ndcg@20": 0.1})
        watch.epoch({"epoch": 10, "validation_ndcg@20": 0.1})
        raise AssertionError  # is not reached

    monkeypatch.setattr(tuning, "fitted", stops)
    trial = SimpleNamespace(report=lambda *report: None, should_prune=lambda: True)
    found = tuning._run(optuna, trial, [small], "bpr", {}, None)
    assert found == (STATES.PRUNED, None)


@pytest.mark.parametrize("stop", [False, True])
def test_every_validation_check_is_reported(stop):
    reports = []
    trial = SimpleNamespace(
        report=lambda *report: reports.append(report), should_prune=lambda: stop
    )
    watch = Watch(trial, KeyError)
    watch.epoch({"epoch": 3})
    assert reports == []
    record = {"epoch": 4, "validation_ndcg@20": 0.25}
    watch.epoch(record)  # no trial is stopped at its first check, whatever the epoch
    assert reports == [(0.25, 4)]
    record = {"epoch": 8, "validation_ndcg@20": 0.5}
    if stop:
        with pytest.raises(KeyError):
            watch.epoch(record)
    else:
        watch.epoch(record)
    assert reports[1:] == [(0.5, 8)]


@pytest.mark.parametrize(("earlier", "stopped"), [(3, False), (4, True)])
def test_no_trial_is_stopped_among_the_first_four_or_at_once(small, earlier, stopped):
    study = tuning._open(optuna, [small], "bpr", None, 0, SPACE, {})
    for _ in range(earlier):
        good = study.ask()
        for each in (5, 10):
            good.report(0.5, each)
        study.tell(good, 0.5)
    weak = Watch(study.ask(), KeyError)
    weak.epoch({"epoch": 5, "validation_ndcg@20": 0.1})
    second = {"epoch": 10, "validation_ndcg@20": 0.1}
    if stopped:
        with pytest.raises(KeyError):
            weak.epoch(second)
    else:
        weak.epoch(second)


def test_a_method_without_epochs_is_measured_on_the_validation_part(small):
    fixed = {"neighbours": 20}
    study = tune(small, "itemknn", 1, fixed=fixed, space={"shrinkage": Span(5.0, 5.0)})
    model = fr.Recommender("itemknn", neighbours=20, shrinkage=5.0).fit(small.train)
    options = {"train": small.train, "k": (10, 20), "metrics": ("ndcg",)}
    by_hand = evaluate(model.scorer, small.validation, **options)
    assert study.value == pytest.approx(by_hand["ndcg@20"])
    assert study.value != pytest.approx(by_hand["ndcg@10"])


def test_the_time_of_a_study_is_that_of_all_its_trials(small):
    trials = [
        SimpleNamespace(
            state=STATES.COMPLETE,
            value=value,
            params={"lr": value},
            user_attrs={"epoch": 1},
            duration=datetime.timedelta(seconds=seconds),
        )
        for value, seconds in ((0.1, 2.0), (0.3, 3.0), (0.2, 4.04))
    ]
    study = tuning._summary(trials, [small], "bpr", {"dim": 8}, SPACE, 0)
    assert (study.seconds, study.trials, study.value) == (9.0, 3, 0.3)
    assert study.settings == {"dim": 8, "lr": 0.3}
