"""What a comparison states, on runs with known values: which is best, how sure, with which mark.

Each is stated in both directions, so that a sign that is turned round is found.
"""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from fullrank.evaluation.significance import (
    best_against_others,
    better_for_users,
    better_over_seeds,
    differs_for_users,
    differs_over_seeds,
    holm,
)
from fullrank.studies import tables
from fullrank.studies.comparison import Comparison, Run
from fullrank.studies.tables import as_latex, as_markdown, certain, plain_rows

NAME = "ndcg@10"
SEEDS = 4


def comparison(means, *, spread=0.001, users=300, seeds=SEEDS, noise=0.02):
    """Runs of methods whose values over users lie around ``means``, all users equally hard."""
    rng = np.random.default_rng(3)
    hard = rng.random(users) / 2
    runs = {}
    for label, mean in means.items():
        each = []
        for seed in range(seeds):
            values = hard - hard.mean() + mean + spread * (seed - (seeds - 1) / 2)
            values = values + noise * rng.standard_normal(users)
            metrics = {"recall@10": 1 - values.mean(), NAME: values.mean()}
            each.append(Run(metrics, {NAME: values}, {"seconds": 2.0, "parameters": 7}))
        runs[label] = each
    return Comparison("data", "print", "standard", list(range(seeds)), runs, {})


ORDERS = [
    {"low": 0.2, "high": 0.4, "middle": 0.3},
    {"high": 0.4, "middle": 0.3, "low": 0.2},
    {"middle": 0.3, "low": 0.2, "high": 0.4},
]


@pytest.mark.parametrize("means", ORDERS)
def test_the_highest_mean_is_the_best_wherever_it_stands(means):
    made = comparison(means)
    assert made.ranked(NAME) == ["high", "middle", "low"]
    assert made.ranked("recall@10") == ["low", "middle", "high"]
    assert set(made.tests(NAME)) == {"middle", "low"}


def by_hand(made, side, pairs):
    """P-values of pairs by scipy, Holm-corrected in a loop: by pair, users and seeds."""
    raw = []
    for one, other in pairs:
        mine, its = (np.mean([r.users[NAME] for r in made.runs[x]], axis=0) for x in (one, other))
        values = made.values(one, NAME), made.values(other, NAME)
        seeds = scipy.stats.ttest_ind(*values, equal_var=False, alternative=side).pvalue
        raw.append((scipy.stats.ttest_rel(mine, its, alternative=side).pvalue, seeds))
    found = [[0.0, 0.0] for _ in pairs]
    for kind in (0, 1):
        largest = 0.0
        for rank, at in enumerate(sorted(range(len(pairs)), key=lambda at: raw[at][kind])):
            largest = max(largest, min(1.0, raw[at][kind] * (len(pairs) - rank)))
            found[at][kind] = largest
    return dict(zip(pairs, found, strict=True))


def test_tests_are_those_of_scipy_with_holm_by_hand():
    """Two-sided over all pairs; one-tailed over the best and each other one, as in the paper."""
    made = comparison({"a": 0.3, "b": 0.302, "c": 0.299, "d": 0.25}, spread=0.004)
    order = made.ranked(NAME)
    assert order[0] == "b"
    every = [(x, y) for at, x in enumerate(order) for y in order[at + 1 :]]
    mine = [pair for pair in every if pair[0] == "b"]
    assert (len(every), len(mine)) == (6, 3)
    for tests, expected in (
        (made.tests(NAME), by_hand(made, "two-sided", every)),
        (made.tests_one_tailed(NAME), by_hand(made, "greater", mine)),
    ):
        assert list(tests) == order[1:]
        for label, found in tests.items():
            assert [found["users"], found["seeds"]] == pytest.approx(expected["b", label], rel=1e-9)
    assert made.tests(NAME)["d"]["users"] < 1e-6 < made.tests(NAME)["a"]["users"]
    assert made.tests(NAME)["a"]["users"] > made.tests_one_tailed(NAME)["a"]["users"]


def smallest(made, tests):
    """Smallest p of the best against another, over users and over seeds."""
    found = getattr(made, tests)(NAME).values()
    return [min(each[kind] for each in found) for kind in ("users", "seeds")]


@pytest.mark.slow
def test_ten_equal_methods_are_seldom_told_apart():
    """P(p < .05) of the best against any other; the paper's one-tailed test has it far higher."""
    rng = np.random.default_rng(0)
    found = {"tests": [], "tests_one_tailed": []}
    for _ in range(120):
        runs = {}
        hard = rng.random(60) / 2
        for label in "abcdefghij":
            values = hard + 0.1 * rng.standard_normal((4, 60))
            runs[label] = [Run({NAME: v.mean()}, {NAME: v}, {}) for v in values]
        made = Comparison("data", "print", "standard", list(range(4)), runs, {})
        for tests, each in found.items():
            each.append(smallest(made, tests))
    low = {tests: np.mean(np.array(each) < 0.05, axis=0) for tests, each in found.items()}
    assert (low["tests"] <= 0.06).all()
    assert (low["tests_one_tailed"] > 0.1).all()


def test_deviation_is_that_of_the_sample():
    made = comparison({"a": 0.3}, noise=0.0, spread=0.01)
    assert made.values("a", NAME) == pytest.approx([0.285, 0.295, 0.305, 0.315])
    assert made.mean("a", NAME) == pytest.approx(0.3)
    assert made.deviation("a", NAME) == pytest.approx(np.sqrt(5 / 3) * 0.01)


@pytest.mark.parametrize(
    ("means", "spread", "sure"),
    [
        ({"a": 0.4, "b": 0.3, "c": 0.2}, 0.001, True),
        ({"a": 0.4, "b": 0.4, "c": 0.2}, 0.001, False),  # not better than every other
        ({"a": 0.4, "b": 0.39, "c": 0.2}, 0.02, False),  # users sure, seeds not
    ],
)
def test_the_dagger_stands_where_the_best_is_certain(means, spread, sure):
    made = comparison(means, spread=spread)
    best = made.ranked(NAME)[0]
    assert certain(made, NAME) is sure
    shown = {"table": as_markdown(made, [NAME]), "latex": as_latex(made, [NAME])}
    rows = [line for line in shown["table"].splitlines() if line.startswith("| a |")]
    assert ("†" in rows[0]) is (sure and best == "a")
    assert ("dagger" in shown["latex"]) is sure
    cells = {row[0]: row[1] for row in plain_rows(made, [NAME])}
    assert [label for label in cells if "*" in cells[label]] == [best]
    assert ("†" in cells[best]) is sure


def test_the_level_is_below_one_in_a_hundred(monkeypatch):
    """On both sides of the level, and at it: p < 0.01 and not p ≤ 0.01."""
    made = comparison({"a": 0.4, "b": 0.3})
    assert tables.LEVEL == 0.01
    for users, seeds, sure in [
        (0.009, 0.009, True),
        (0.01, 0.001, False),
        (0.001, 0.01, False),
        (0.5, 0.001, False),
        (0.001, None, False),
    ]:
        monkeypatch.setattr(
            made, "marking", lambda name, u=users, s=seeds: {"b": {"users": u, "seeds": s}}
        )
        assert certain(made, NAME) is sure
    monkeypatch.setattr(made, "marking", lambda name: {})
    assert not certain(made, NAME)


@pytest.mark.parametrize("means", ORDERS)
def test_marks_go_to_the_best_and_the_second(means):
    made = comparison(means)
    lines = {
        line.split(" | ")[0].strip("| "): line for line in as_markdown(made, [NAME]).splitlines()
    }
    assert (
        f"**{made.mean('high', NAME):.4f} ± {made.deviation('high', NAME):.4f}**" in lines["high"]
    )
    assert f"_{made.mean('middle', NAME):.4f} ± " in lines["middle"]
    assert "**" not in lines["middle"] + lines["low"]
    assert "_" not in lines["low"]
    latex = as_latex(made, [NAME]).splitlines()
    assert [line.split(" ")[0] for line in latex if r"\textbf" in line] == ["high"]
    assert [line.split(" ")[0] for line in latex if r"\underline" in line] == ["middle"]


def test_the_mark_goes_by_the_tests_that_were_asked_for():
    made = comparison({"a": 0.3, "b": 0.302, "c": 0.299, "d": 0.25})
    assert made.marking(NAME) == made.tests(NAME)
    assert "two-sided" in as_markdown(made, [NAME])
    made.one_tailed = True
    assert made.marking(NAME) == made.tests_one_tailed(NAME)
    assert "one-tailed" in as_markdown(made, [NAME])
    document = made.to_dict()
    assert document["tests"] == {NAME: made.tests(NAME)}
    assert document["tests_one_tailed"] == {NAME: made.tests_one_tailed(NAME)}


def test_an_interval_stands_beside_each_mean():
    made = comparison({"a": 0.3, "b": 0.2})
    for label in "ab":
        low, high = made.interval(label, NAME)
        assert low < made.mean(label, NAME) < high
        assert made.to_dict()["methods"][label][NAME]["interval"] == (low, high)
    assert made.interval("a", "recall@10") is None


def test_one_method_or_one_seed_is_no_test():
    alone = comparison({"a": 0.4})
    assert alone.tests(NAME) == {}
    assert alone.to_dict()["tests"] == {}
    once = comparison({"a": 0.4, "b": 0.3}, seeds=1)
    assert once.tests(NAME)["b"]["seeds"] is None
    assert not certain(once, NAME)
    assert once.deviation("a", NAME) == 0.0


@pytest.mark.parametrize("seed", range(5))
def test_users_against_scipy_in_both_directions(seed):
    rng = np.random.default_rng(seed)
    one, other = rng.random(50), rng.random(50)
    for left, right in ((one, other), (other, one)):
        expected = scipy.stats.ttest_rel(left, right, alternative="greater").pvalue
        assert better_for_users(left, right) == pytest.approx(expected, rel=1e-9)
        better = scipy.stats.ttest_ind(left[:5], right[:7], equal_var=False, alternative="greater")
        assert better_over_seeds(left[:5], right[:7]) == pytest.approx(better.pvalue, rel=1e-9)
    assert better_for_users(one, other) + better_for_users(other, one) == pytest.approx(1)
    assert better_for_users(one + 1, one) < 0.01 < 0.99 < better_for_users(one, one + 1)


def test_two_sides_against_scipy():
    rng = np.random.default_rng(0)
    one, other = rng.random(50), rng.random(50)
    for left, right in ((one, other), (other, one), (one + 0.2, other)):
        expected = scipy.stats.ttest_rel(left, right).pvalue
        assert differs_for_users(left, right) == pytest.approx(expected, rel=1e-9)
        expected = scipy.stats.ttest_ind(left[:5], right[:7], equal_var=False).pvalue
        assert differs_over_seeds(left[:5], right[:7]) == pytest.approx(expected, rel=1e-9)
    assert differs_for_users(one, other) == pytest.approx(differs_for_users(other, one))
    assert differs_over_seeds([0.2, 0.2], [0.3, 0.3]) == 0
    assert differs_over_seeds([0.3, 0.3], [0.2, 0.2]) == 0
    assert differs_over_seeds([0.2, 0.2], [0.2, 0.2]) == 1
    assert differs_over_seeds([0.2], [0.2, 0.2]) is None


def test_the_best_is_corrected_for_all_pairs():
    """Of four, six pairs: the p of the best against the next, .004, is the smallest: times six."""
    table = {(3, 2): 0.004, (3, 1): 0.02, (3, 0): 0.03, (2, 1): 0.4, (2, 0): 0.5, (1, 0): 0.6}
    found = best_against_others([3, 2, 1, 0], lambda one, other: table[one, other])
    assert found == pytest.approx([0.024, 0.1, 0.12])
    assert best_against_others([3], lambda one, other: 0.0) == []
    assert best_against_others([3, 2], lambda one, other: None) == [None]


def test_holm_by_hand():
    """Holm 1979: the smallest times n, the next times n - 1, never less than the one before."""
    assert holm([0.01, 0.02, 0.03, 0.04]) == pytest.approx([0.04, 0.06, 0.06, 0.06])
    assert holm([0.04, 0.03, 0.02, 0.01]) == pytest.approx([0.06, 0.06, 0.06, 0.04])
    assert holm([0.001, 0.4, 0.6]) == pytest.approx([0.003, 0.8, 0.8])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([None, 0.02]) == [None, 0.02]


def run_of(value, **metadata):
    return Run({NAME: value}, {NAME: np.array([value, value / 2])}, metadata)


def known_runs(*values, **metadata):
    runs = {label: [run_of(value, **metadata) for value in each] for label, *each in values}
    return Comparison("data", "print", "standard", list(range(len(values[0]) - 1)), runs, {})


def test_figures_are_means_with_the_deviation_of_two():
    made = known_runs(("a", 0.1, 0.3), ("b", 0.2, 0.2))
    assert made.deviation("a", NAME) == pytest.approx(np.sqrt(2) * 0.1)
    document = made.to_dict()
    assert document["methods"]["a"][NAME]["sd"] == made.deviation("a", NAME)
    assert set(document["tests"]) == {NAME}
    skewed = known_runs(("a", 0.1, 0.1, 0.4))
    assert skewed.mean("a", NAME) == pytest.approx(0.2)
    assert skewed._of_users("a", NAME) == pytest.approx([0.2, 0.1])


def test_cells_are_rounded_and_stand_in_their_columns():
    sizes = {"effective_rank": 12.345, "epoch_seconds": 0.12345, "parameters": 1234567}
    made = known_runs(("a", 0.12344, 0.12348), ("b", 0.1, 0.1), **sizes)
    rows = as_markdown(made, [NAME]).splitlines()
    assert rows[2] == f"| method | {NAME} | effective rank | s/epoch | parameters |"
    assert rows[4] == "| a | **0.1235 ± 0.0000** | 12.3 | 0.123 | 1,234,567 |"
    assert rows[-1].startswith(
        "**best**, _second best_; † best, and different from every other one at p < 0.01, two-sided"
    )
    assert plain_rows(made, [NAME]) == [
        ["a", "0.1235*", "12.3", "0.123"],
        ["b", "0.1000", "12.3", "0.123"],
    ]


def test_one_seed_has_no_deviation_to_show():
    made = known_runs(("a", 0.2), ("b", 0.1))
    assert "±" not in as_markdown(made, [NAME]).split("\n\n")[1]
