"""Learning rates that are searched as factors of the one by rule."""

from __future__ import annotations

import pytest

from fullrank.methods import METHODS, ByRule, build_method
from fullrank.pages.study import trials_of
from fullrank.studies.trials import settings_in
from fullrank.studies.tune import open_study, tune

FIXED = {"dim": 8, "batch_size": 64, "epochs": 2, "validate_every": 1}
BY_RULE = [name for name, row in METHODS.items() if isinstance(row.space.get("lr"), ByRule)]


def test_they_are_those_of_the_methods_that_have_the_rule():
    assert BY_RULE == ["directspec", "directspec+"]


@pytest.mark.slow
@pytest.mark.parametrize("method", BY_RULE)
def test_a_rate_is_a_factor_of_that_by_rule(small, tmp_path, method):
    """For the data, and for the shrink of the trial."""
    span = METHODS[method].space["lr"].factor
    lines = []
    study = tune(
        small, method, 9, fixed=FIXED, start={"lr": 3.0}, storage=tmp_path / "s", log=lines.append
    )
    trials = open_study(tmp_path / "s").trials
    for trial, line in zip(trials, lines, strict=True):
        tried = settings_in(trial)
        made = build_method(method, FIXED | {"shrink": tried["shrink"]})
        factor = trial.params["lr / rule"]
        assert tried["lr"] == pytest.approx(factor * made.rate(small.train), rel=1e-3)
        assert f"lr {tried['lr']:.4g}" in line
        assert "lr / rule" not in tried
    assert settings_in(trials[0])["lr"] == pytest.approx(3.0, rel=1e-3)
    factors = [trial.params["lr / rule"] for trial in trials[1:]]
    assert all(factor in span for factor in factors)
    assert len(set(factors)) > 4
    assert study.settings.keys() == FIXED.keys() | METHODS[method].space.keys() | {"item_power"}
    assert study.space["lr"] == {"times the value by rule": [0.5, 64.0, True]}
    for page in trials_of(open_study(tmp_path / "s")):
        assert page.log["lr"]
        assert page.settings.keys() >= METHODS[method].space.keys()


@pytest.mark.slow
def test_it_goes_on_to_the_same_trials(small, tmp_path):
    found = []
    for stops in ((6,), (2, 6)):
        storage = tmp_path / str(len(stops))
        for trials in stops:
            study = tune(small, "directspec", trials, fixed=FIXED, storage=storage)
        each = [settings_in(trial) for trial in open_study(storage).trials]
        found.append((each, study.settings, study.value))
    assert found[0] == found[1]


@pytest.mark.slow
@pytest.mark.parametrize("fixed", [{"encoder": "lightgcn"}, {"optimizer": "adagrad"}])
def test_where_the_rule_does_not_hold_the_rate_itself_is_searched(small, tmp_path, fixed):
    space = METHODS["directspec+"].space["lr"].otherwise
    tune(small, "directspec+", 3, fixed=FIXED | fixed, storage=tmp_path / "s")
    for trial in open_study(tmp_path / "s").trials[1:]:
        assert trial.params["lr"] in space
        assert "lr / rule" not in trial.params


@pytest.mark.slow
def test_a_rate_that_is_given_is_not_searched(small, tmp_path):
    fixed = FIXED | {"lr": 5.0, "shrink": 0.02}
    study = tune(small, "directspec+", 2, fixed=fixed, storage=tmp_path / "s")
    assert study.settings["lr"] == 5.0
    assert study.space.keys() == {"alpha", "tau"}
