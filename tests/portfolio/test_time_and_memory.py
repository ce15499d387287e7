"""What a budget and the free memory leave out, and how training keeps within the time."""

from __future__ import annotations

import itertools

import pytest
from contests import CLOSED, board, contest

from fullrank.evaluation import evaluate
from fullrank.methods import EASE, AllPass, build_method
from fullrank.methods.fitting import fit
from fullrank.portfolio.board import METRIC
from fullrank.portfolio.costs import Costs
from fullrank.portfolio.entries import ENTRIES, Entry
from fullrank.portfolio.training import OutOfTime, epochs_within, watched
from fullrank.training import Silent


def test_no_time_leaves_popularity_alone_and_says_so(small):
    lines = board(contest(small, budget=1e-9, entries=ENTRIES))
    assert lines.pop("popularity")[METRIC] is not None
    for line in lines.values():
        assert line[METRIC] is None
        assert line["trials"] == 0
        assert line["note"] == "left out: no time left"


@pytest.mark.slow
def test_the_budget_ends_the_search(small):
    ticks = itertools.count()
    run = contest(small, budget=40.0, clock=lambda: float(next(ticks)))
    lines = list(run.run())
    last = next(ticks)
    assert any("no time left" in (line.note or "") for line in lines)
    assert last < 40 + 2 * len(lines)  # no trial begins when it is over; every look is a second


@pytest.mark.slow
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


def test_every_method_has_a_cost(small):
    costs = Costs(small.train)
    for entry in ENTRIES:
        for method in entry.first(0):
            assert costs.memory(method.fitted_to(small.train)) > 0
            assert costs.seconds(method.fitted_to(small.train)) >= 0


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


def searched(method, trials):
    reporter = watched(Silent(), method, leader=1.0)
    for epochs, value in trials:
        reporter.trial({"epochs": epochs, METRIC: value})


def test_a_search_far_from_the_leader_is_stopped_after_a_rung():
    """Of at most 60 epochs trials are compared after 3, 6 and 12."""
    method = build_method("directspec+", {"epochs": 60})
    near = [(3, 0.2), (3, 0.41), (6, 0.61), (12, 0.7), (12, 0.75), (12, 0.81)]
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
