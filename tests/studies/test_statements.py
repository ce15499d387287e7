"""What a comparison states, on runs with known values: which is best, how sure, with which mark.

Each is stated in both directions, so that a sign that is turned round is found.
"""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from fullrank.evaluation.significance import better_for_users, better_over_seeds, holm
from fullrank.studies import tables
from fullrank.studies.compare import Comparison, Run
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


def test_tests_are_those_of_scipy_with_holm_by_hand():
    means = {"a": 0.3, "b": 0.302, "c": 0.299, "d": 0.25}
    made = comparison(means, spread=0.004)
    assert made.ranked(NAME)[0] == "b"
    others = [label for label in made.ranked(NAME) if label != "b"]
    raw = {}
    for label in others:
        mine, its = (np.mean([r.users[NAME] for r in made.runs[x]], axis=0) for x in ("b", label))
        raw[label] = (
            scipy.stats.ttest_rel(mine, its, alternative="greater").pvalue,
            scipy.stats.ttest_ind(
                made.values("b", NAME),
                made.values(label, NAME),
                equal_var=False,
                alternative="greater",
            ).pvalue,
        )
    for at, kind in enumerate(("users", "seeds")):
        order = sorted(others, key=lambda label: raw[label][at])
        largest = 0.0
        for rank, label in enumerate(order):
            largest = max(largest, min(1.0, raw[label][at] * (3 - rank)))
            assert made.tests(NAME)[label][kind] == pytest.approx(largest, rel=1e-9)
    assert made.tests(NAME)["d"]["users"] < 1e-6 < made.tests(NAME)["a"]["users"]


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
            made, "tests", lambda name, u=users, s=seeds: {"b": {"users": u, "seeds": s}}
        )
        assert certain(made, NAME) is sure
    monkeypatch.setattr(made, "tests", lambda name: {})
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
    assert rows[-1].startswith("**best**, _second best_; † best and better than every other one")
    assert plain_rows(made, [NAME]) == [
        ["a", "0.1235*", "12.3", "0.123"],
        ["b", "0.1000", "12.3", "0.123"],
    ]


def test_one_seed_has_no_deviation_to_show():
    made = known_runs(("a", 0.2), ("b", 0.1))
    assert "±" not in as_markdown(made, [NAME]).split("\n\n")[1]
