"""What is better by chance alone takes no place, and what some users reject is not asked of all."""

from __future__ import annotations

import numpy as np
import pytest
from contests import contest

from fullrank.evaluation import Evaluation, evaluate
from fullrank.methods import EASE, build_method
from fullrank.methods.fitting import fit
from fullrank.portfolio import popularity, trials
from fullrank.portfolio.board import METRIC, Part, gain, ndcg
from fullrank.portfolio.entries import Entry, Found


def part(method, values, estimate=None) -> Part:
    values = np.asarray(values, dtype=np.float64)
    figures = Evaluation(np.arange(len(values)), {}, {"ndcg@20": values})
    return Part(method, (None, {}), figures, estimate=estimate)


def test_a_gain_is_the_mean_difference_less_its_standard_errors():
    than = np.array([0.1, 0.2, 0.3, 0.4])
    other = than + np.array([0.1, 0.2, 0.1, 0.2])
    deviation = 0.05 / 2
    assert gain(other, than) == pytest.approx(0.15 - deviation)
    assert gain(other, than, 2.0) == pytest.approx(0.15 - 2 * deviation)
    assert gain(other, than, -2.0) == pytest.approx(0.15 + 2 * deviation)
    assert gain(other, than, 0.0) == pytest.approx(0.15)
    assert gain(than, than) == 0


def test_settings_that_are_better_by_chance_do_not_take_the_place_of_others(small, monkeypatch):
    """Of a hundred trials that differ by chance some are better; of users, each is as good."""
    rng = np.random.default_rng(0)
    than = rng.random(1_000)
    noise, better = than + rng.normal(0.003, 0.2, 1_000), than + rng.normal(0.03, 0.2, 1_000)
    assert noise.mean() > than.mean()
    run = contest(small, entries=[Entry("ease", {"ridge": (60.0, 600.0)})])
    line, made = run.lines["ease"], iter([than, noise, better])
    monkeypatch.setattr(run._trials, "part", lambda _, method, *rest: part(method, next(made)))
    for ridge in (250.0, 60.0, 600.0):
        run._try("ease", EASE(ridge=ridge))
        assert line.best.method.ridge == (600.0 if ridge == 600 else 250.0)
    assert [trial[METRIC] for trial in line.trials] == [than.mean(), noise.mean(), better.mean()]
    assert "estimated" not in line.trials[1]


def test_a_trial_that_some_users_reject_is_not_asked_of_the_others(small, monkeypatch):
    monkeypatch.setattr(popularity, "BYTES", 4 * small.train.n_items * 60)
    monkeypatch.setattr(popularity, "LEAST", 10)
    monkeypatch.setattr(trials, "GIVEN_UP", 1.0)  # the users are few
    run = contest(small, entries=[Entry("itemknn", {"neighbours": (1,), "popularity": Found()})])
    run._begin(["itemknn"])
    line, best = run.lines["itemknn"], run.lines["itemknn"].best
    run._try("itemknn", build_method("itemknn", {"neighbours": 1}))
    last = line.trials[-1]
    assert last["estimated"]
    assert line.best is best
    assert last[METRIC] < best.value

    method = build_method(
        "itemknn", {"neighbours": 1, "popularity": last["settings"]["popularity"]}
    )
    scorer = fit(method, small.parts, "cpu")[0]
    known = {"train": small.train, "metrics": ("ndcg",), "k": 20}
    users = popularity.best_power(method, scorer, small.parts, None)[1].users
    assert 10 <= len(users) < len(best.evaluation.users)
    some = evaluate(scorer, small.validation, users=users, **known)
    same = best.ndcg[np.isin(best.evaluation.users, users)]
    estimate = best.value + np.mean(ndcg(some) - same)
    assert last[METRIC] == pytest.approx(estimate, abs=1e-9)


def test_a_trial_that_some_users_do_not_reject_is_asked_of_all(small, monkeypatch):
    monkeypatch.setattr(popularity, "BYTES", 4 * small.train.n_items * 60)
    monkeypatch.setattr(popularity, "LEAST", 10)
    run = contest(small, entries=[Entry("itemknn", {"shrinkage": (10.5,)})])
    (line,) = run.run()
    assert [trial["settings"]["shrinkage"] for trial in line.trials] == [10.0, 10.5]
    assert not any("estimated" in trial for trial in line.trials)


def test_without_fewer_users_every_value_is_of_all(small):
    (line,) = contest(small, entries=[Entry("itemknn", {"neighbours": (1,)})]).run()
    assert len(line.trials) == 2
    assert not any("estimated" in trial for trial in line.trials)
