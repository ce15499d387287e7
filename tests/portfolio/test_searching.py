"""Which settings are tried next, of which method, and from where on the ladder."""

from __future__ import annotations

import pytest
import torch
from contests import contest

from fullrank.methods import EASE, AllPass, build_method
from fullrank.methods.fitting import fit, vary
from fullrank.portfolio.board import METRIC
from fullrank.portfolio.contest import KEEP
from fullrank.portfolio.entries import Entry, Ratio


@pytest.mark.slow
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
    begun = {"ridge": 250.0}
    steps = {"ridge": tuple(range(190, 320, 10))}
    run = contest(small, entries=[Entry("ease", steps, starts=(begun,))])
    run._begin(["ease"])
    run._bar = run.lines["ease"].best.value / 0.9
    run._search_on(None)
    assert len(run.lines["ease"].trials) == 1 + 3
    assert run.lines["ease"].note == "not searched on: below 92% of the best"


def test_a_method_is_searched_from_where_it_is_best(small):
    ladder = [1.0, 30.0, 250.0, 900.0]
    run = contest(small, entries=[Entry("ease", {"ridge": tuple(ladder)}, ({"ridge": 250.0},))])
    (line,) = run.run()
    tried = {trial["settings"]["ridge"]: trial[METRIC] for trial in line.trials}
    best = max(tried, key=tried.get)
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


@pytest.mark.slow
def test_nothing_is_tried_twice_where_a_rule_finds_another_value_each_time(small):
    """What `ials` finds of its penalty differs by the dimensions, which move."""
    steps = {"dim": (8, 16, 32), "regularization": Ratio(1.6), "confidence": Ratio(2.5)}
    run = contest(small, entries=[Entry("ials", steps, ({"dim": 16},))])
    asked, attempt = [], run._try
    run._try = lambda name, method: asked.append(method) or attempt(name, method)
    (line,) = run.run()
    assert len(asked) == len(line.trials) > 3
    assert len({method.model_dump_json() for method in asked}) == len(asked)
    settings = [trial["settings"] for trial in line.trials]
    assert len({each["regularization"] for each in settings}) > 2
    assert all(each not in settings[:at] for at, each in enumerate(settings))


def test_a_method_that_is_behind_gets_its_turn_later(small):
    """A tenth behind the best is as much as twice the time."""
    entries = [Entry("itemknn", {"shrinkage": (0.0,)}), Entry("ease", {"ridge": (60.0,)})]
    run = contest(small, entries=entries)
    run._begin(["itemknn", "ease"])
    first, second = run.lines["itemknn"], run.lines["ease"]
    if first.best.value < second.best.value:
        first, second = second, first
    share = second.best.value / first.best.value
    second.seconds = 4.0
    for factor, sooner in ((0.99, first), (1.01, second)):
        first.seconds = 4.0 * factor * 2 ** ((1 - share) / 0.1)
        assert min(first, second, key=run._turn) is sooner


def test_the_rank_of_a_filter_moves_from_what_its_rule_gave(small):
    run = contest(small, entries=[Entry("bspm", {"rank": Ratio(2.0)})])
    (line,) = run.run()
    assert [trial["settings"]["rank"] for trial in line.trials[:2]] == [16, 4]


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
