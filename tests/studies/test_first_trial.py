"""The first trial of a study: what the method comes with, as a fit without a word has it."""

from __future__ import annotations

import numpy as np
import pytest

import fullrank as fr
from fullrank.data.divisions import divisions
from fullrank.methods import METHODS, Span, build_method
from fullrank.pages.study import trials_of, values_of
from fullrank.studies import tune as tuning
from fullrank.studies.plots import study_plot
from fullrank.studies.trials import AS_IT_COMES, found_by
from fullrank.studies.tune import open_study, tune

FIXED = {"dim": 8, "batch_size": 64, "epochs": 4, "validate_every": 2}


def test_the_first_trial_has_what_the_method_comes_with(small):
    """As a fit without a word: what is found is never worse, and a rule of its own counts."""
    lines, own = [], METHODS["spectral"]()
    study = tune(small, "spectral", 3, log=lines.append)
    assert f"beta {own.beta:g}, smoothing {own.smoothing:g}" in lines[0]
    model = fr.Recommender("spectral").fit(small.train)
    plain = _value_of(model, small)
    assert study.value >= plain
    assert f"{plain:.5f}" in lines[0]


def test_a_setting_that_a_rule_finds_stays_with_the_rule(small):
    """As rank and weight of allpass: the first trial is that of a fit, and names no number."""
    ruled = {name for name, value in METHODS["allpass"]().model_dump().items() if value is None}
    others = {name: value for name, value in METHODS["allpass"]() if name not in ruled}
    value = _value_of(fr.Recommender("allpass").fit(small.train), small)
    for fixed, said in ((others, "rank by rule"), ({**others, "rank": None}, AS_IT_COMES)):
        lines = []
        study = tune(small, "allpass", 1, fixed=fixed, log=lines.append)
        assert ruled & METHODS["allpass"].space.keys()
        assert lines == [f"trial 1 of 1: {study.value:.5f}  (best so far)  {said}"]
        assert study.settings["rank"] is None
        assert "weight" not in study.settings
        assert study.value == value


@pytest.mark.parametrize("method", METHODS)
def test_a_search_can_keep_what_the_method_comes_with(method):
    """Beside other values of the other settings: a choice without the default is a worse method."""
    made = build_method(method, {})
    for name, each in METHODS[method].space.items():
        value = getattr(made, name)
        by_rule = value is None or name in getattr(made, "auto", ())
        if isinstance(each, tuple) or (not by_rule and (name, value) != ("weight_decay", 0.0)):
            assert value in each, (name, value)


@pytest.mark.slow
def test_a_search_tries_a_rule_beside_other_values(small, tmp_path):
    """And its page, its picture and its command can name it."""
    space = {"rank": (None, 4), "power": (0.0, 0.75)}
    storage = tmp_path / "study.db"
    study = tune(small, "allpass", 6, space=space, storage=storage)
    opened = open_study(storage)
    tried = [(trial.params["rank"], trial.params["power"]) for trial in opened.trials]
    assert {rank for rank, _ in tried} == {None, 4}
    rank, power = tried[int(np.argmax([trial.value for trial in opened.trials]))]
    assert (study.settings["rank"], study.settings["power"]) == (rank, power)
    again = tune(small, "allpass", 6, space=space, storage=storage)
    assert again.settings == study.settings
    values = values_of(study, trials_of(opened))
    column = values["trials"][0].index("rank")
    shown = {None: "by rule", 4: "4"}
    assert [row[column] for row in values["trials"][1]] == [shown[rank] for rank, _ in tried]
    assert dict(dict(values["made"])["Searched"])["rank"] == "by rule, 4"
    study_plot(opened, tmp_path / "study.png")


def test_a_space_that_is_given_is_kept_to(small):
    """Whatever the method comes with, and whatever its rules would find."""
    for method, space in (("bpr", {"lr": Span(1.0, 2.0)}), ("allpass", {"rank": (2, 3)})):
        fixed = FIXED if method == "bpr" else {}
        study = tune(small, method, 1, fixed=fixed, space=space)
        (name,) = space
        assert study.settings[name] in space[name]


@pytest.mark.parametrize("method", ["bpr", "directspec", "directspec+"])
def test_the_first_trial_of_a_trained_method_is_a_fit_without_a_word(small, method):
    """What its space has not, such as no decay, stays; what it finds by itself is found."""
    lines, fixed = [], {"dim": 8, "epochs": 4, "validate_every": 1, "batch_size": 64}
    study = tune(small, method, 1, fixed=fixed, log=lines.append, repeats=2)
    model = fr.Recommender(method, **fixed).fit(small)
    assert study.values[0] == model.training["validation_ndcg@20"]
    found = model.training.get("chosen") or {}
    own = {"lr": model.settings.lr} | found
    assert {name: study.settings[name] for name in own} == own
    assert study.settings.keys() == fixed.keys() | own.keys() | (
        set() if method == "bpr" else {"shrink", "item_power"}
    )
    assert all(f"{name} {value:.4g}" in lines[0] for name, value in own.items())
    other = divisions(small, 2)[1]
    again = fr.Recommender(method, **fixed, **own).fit(other)
    assert study.values[1] == again.training["validation_ndcg@20"]


def test_later_trials_search_nothing_by_themselves(small, monkeypatch):
    """But the power of lengths; nor do those of a space or a start that are given."""
    made = []

    def noted(optuna, trial, splits, method, values, threads):
        made.append(build_method(method, values))
        return optuna.trial.TrialState.COMPLETE, 0.1

    monkeypatch.setattr(tuning, "_run", noted)
    tune(small, "directspec+", 2)
    found = ("lr", "alpha", "tau", "shrink", "item_power")
    assert [each.auto for each in made] == [found, ("item_power",)]
    own = build_method("directspec+", {})
    made.clear()
    tune(small, "directspec+", 1, space={"shrink": (0.0, 0.02)})
    tune(small, "directspec+", 1, start={"shrink": 0.02, "alpha": 0.9, "tau": 3.0, "lr": 50.0})
    # A value that it lacks is drawn.
    start = {"shrink": 0.02, "alpha": 0.9, "tau": 3.0}
    study = tune(small, "directspec+", 1, start=start)
    assert study.settings == start | {"lr": made[2].lr}
    tune(small, "directspec+", 2, fixed={"alpha": "auto"})
    tune(small, "directspec+", 2, fixed={"item_power": 0.5})
    power = ("item_power",)
    autos = [("lr", *power), power, power, found, power, found[:-1], ()]
    assert [each.auto for each in made] == autos
    assert (made[0].alpha, made[0].tau, made[4].alpha) == (own.alpha, own.tau, own.alpha)


def _value_of(model, split):
    found = model.evaluate(split.validation, k=20, metrics=("ndcg",))
    return found["ndcg@20"]


def test_later_trials_find_the_power_of_lengths(small):
    """And the study says it, so that its settings have the value again without looking for it."""
    given = {"alpha": 0.5, "tau": 3.0, "lr": 20.0, "shrink": 0.0, "dim": 8, "batch_size": 64}
    study = tune(small, "directspec+", 1, fixed=given | {"epochs": 10}, space={"seed": (3,)})
    assert study.settings["item_power"] != 1
    again = fr.Recommender("directspec+", **study.settings).fit(small)
    assert again.settings.auto == ()
    assert again.training["validation_ndcg@20"] == study.value
    plain = fr.Recommender("directspec+", **study.settings | {"item_power": 1.0}).fit(small)
    assert plain.training["validation_ndcg@20"] < study.value


def test_of_a_run_that_does_not_search_only_what_its_checks_chose_was_found():
    """A learning rate by rule is the rule's on each division."""
    training = {"chosen": {"lr": 3.0, "item_power": 0.5}}
    assert found_by(training, alone=False) == {"item_power": 0.5}
    assert found_by(training, alone=True) == training["chosen"]
    assert found_by({}, alone=True) == found_by({"chosen": None}, alone=False) == {}
