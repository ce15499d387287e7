"""Successive halving: who wins, who is dropped."""

from __future__ import annotations

import pytest
import torch
from races import PLAN, QUICK, Watch, search, spoiling
from runs import parameters, same, trainer

from fullrank.errors import FitError
from fullrank.training import Rung, Search, rungs


def test_the_best_goes_on_and_the_worst_are_dropped_at_each_rung(small):
    watch = Watch()
    winner, values, trials = search(small.train, reporter=watch).run()
    assert values == {"alpha": 0.6} == {"alpha": winner.settings.alpha}
    assert watch.rows == [(0.3, 1), (0.6, 1), (0.9, 1), (0.3, 2), (0.6, 2), (0.6, 3)]
    assert [row["epochs"] for row in trials] == [2, 6, 1]
    assert trials[1]["validation_ndcg@20"] == pytest.approx(0.06)
    assert trials[1]["effective_rank"] is None  # nothing measured it


def test_the_winner_has_the_bits_of_a_run_with_its_settings(small):
    winner, _, _ = search(small.train).run()
    alone = trainer(small.train, **QUICK, alpha=0.6)
    alone.validate = lambda: alone.progress.epoch
    for epochs in (1, 2, 3, 6):
        alone.advance(epochs)
    assert same(parameters(winner), parameters(alone))


def test_compares_by_the_best_so_far_and_not_by_the_last(small):
    def score(alpha, epoch):
        return 1.0 if (alpha, epoch) == (0.9, 1) else 0.1 * alpha

    winner, values, _ = search(small.train, score=score).run()
    assert values == {"alpha": 0.9}
    assert winner.progress.best_epoch == 1
    start = trainer(small.train, **QUICK, alpha=0.9)
    start.advance(1)
    assert same(parameters(winner), parameters(start))


def test_what_is_proposed_takes_part(small):
    asked = []

    def propose(rung, ranked):
        asked.append((rung, [values["alpha"] for values in ranked]))
        return {0: [{"alpha": 0.62}, {"alpha": 0.6}], 2: [{"alpha": 0.7}]}.get(rung, [])

    watch = Watch()
    _, values, trials = search(small.train, (0.5, 0.9), propose=propose, reporter=watch).run()
    assert asked == [(0, [0.5, 0.9]), (1, [0.6, 0.62]), (2, [0.6])]
    assert watch.rows[:4] == [(0.5, 1), (0.9, 1), (0.62, 1), (0.6, 1)]
    assert values == {"alpha": 0.6}
    assert [row["epochs"] for row in trials] == [1, 1, 2, 6, 6]


def test_of_the_last_two_the_better_one_after_longer_training_goes_on_alone(small):
    """It may be the one that was behind when all the others were dropped."""

    def score(alpha, epoch):
        return {0.6: 1.0, 0.5: 0.6 * epoch}.get(alpha, 0.0)

    watch = Watch()
    run = search(small.train, (0.5, 0.6, 0.9), score=score, reporter=watch)
    run.plan = (Rung(3, 1),)
    winner, values, trials = run.run()
    assert watch.rows == [(0.5, 1), (0.6, 1), (0.9, 1), (0.5, 2), (0.6, 2)]
    assert values == {"alpha": 0.5}
    assert [row["epochs"] for row in trials] == [6, 2, 1]
    assert winner.progress.epoch == 6


def test_a_trial_that_diverges_has_lost_and_all_of_them_are_an_error(small):
    def build(values):
        run = trainer(small.train, **QUICK | values)
        run.validate = lambda: 1.0 - run.settings.lr
        if run.settings.lr < 0.5:
            run.plan.parameters["user_table"].fill_(float("inf"))
        return run

    rates = [{"lr": 0.1}, {"lr": 0.7}, {"lr": 0.9}]
    winner, values, trials = Search(build, rates, PLAN).run()
    assert values == {"lr": 0.7}
    assert "finite" in trials[0]["error"]
    assert winner.progress.epoch == 6
    with pytest.raises(FitError, match="diverges with all settings"):
        Search(build, [{"lr": 0.1}, {"lr": 0.2}], PLAN).run()


def test_of_the_last_two_the_other_wins_where_one_diverges(small):
    alphas = [{"alpha": 0.5}, {"alpha": 0.6}]
    run = Search(spoiling(small.train, {0.6: 1}), alphas, (Rung(2, 1),))
    winner, values, trials = run.run()
    assert values == {"alpha": 0.5}
    assert winner.progress.epoch == 6
    assert ["error" in row for row in trials] == [False, True]


def test_the_best_epoch_is_kept_where_the_winner_diverges_at_last(small):
    tables = {}

    def build(values):
        run = trainer(small.train, **QUICK | values)

        def observe(epoch):
            tables[values["alpha"], epoch] = run.plan.parameters["user_table"].clone()
            if epoch == 5:
                run.plan.parameters["user_table"].fill_(float("inf"))
            return {}

        run.observe, run.validate = observe, lambda: values["alpha"]
        return run

    with pytest.warns(UserWarning, match=r"epoch 6: found .*; the model is of epoch 1, the best"):
        winner, values, trials = Search(
            build, [{"alpha": 0.5}, {"alpha": 0.6}], (Rung(2, 1),)
        ).run()
    assert values == {"alpha": 0.6}
    assert "error" not in trials[1]
    assert torch.equal(winner.plan.parameters["user_table"], tables[0.6, 1])


def test_one_trial_alone_is_trained_beyond_the_last_rung(small):
    plan = (Rung(3, 1), Rung(2, 2))
    _, values, trials = Search(spoiling(small.train, {}), [{"alpha": 0.6}], plan).run()
    assert values == {"alpha": 0.6}
    assert [row["epochs"] for row in trials] == [6]
    three = [{"alpha": 0.6}, {"alpha": 0.5}, {"alpha": 0.9}]
    _, _, trials = Search(spoiling(small.train, {}), three, plan).run()
    assert [row["epochs"] for row in trials] == [6, 4, 1]


def test_a_trial_is_made_once_and_trained_on_for_the_first_of_equals(small):
    made = search(small.train, (0.5, 0.7, 0.5), score=lambda alpha, epoch: 0.1)
    _, values, trials = made.run()
    assert values == {"alpha": 0.5}
    assert [(row["alpha"], row["epochs"]) for row in trials] == [(0.5, 6), (0.7, 2)]


def test_rungs_cost_less_than_a_run():
    for epochs in (1, 5, 40, 60, 300):
        plan = rungs(epochs)
        assert [rung.epochs for rung in plan] == sorted(rung.epochs for rung in plan)
        assert plan[-1].epochs <= max(epochs, 1)
        assert plan[0].epochs >= 1
    assert rungs(300) == rungs(60) == (Rung(16, 3), Rung(4, 6), Rung(2, 12))
    assert rungs(20) == (Rung(16, 1), Rung(4, 2), Rung(2, 4))
    assert rungs(60, more=1) == (Rung(16, 3), Rung(5, 6), Rung(3, 12))
