"""Curves and figures over seeds."""

from __future__ import annotations

import numpy as np
import pytest

from fullrank.lab.groups import Group, deviation, mean, with_deviation
from fullrank.lab.scored import significance_table
from fullrank.lab.spec import Run
from fullrank.lab.store import Done

RUN = Run("bpr", {}, "made")


def done(values, metric: float = 0.5, users=(0.0, 1.0), error=None) -> Done:
    history = [
        {"epoch": at, "effective_rank": 10.0 - at, "ndcg@10": value, "seconds": 1.0 + at}
        for at, value in enumerate(values)
    ]
    name = "published/ndcg@10"
    return Done("k", {}, {name: metric}, {name: np.array(users)}, history, 1.0, {}, error)


@pytest.fixture
def group() -> Group:
    return Group("BPR", RUN, [done([0.1, 0.3, 0.2], 0.4), done([0.2, 0.1, 0.6, 0.7], 0.6)])


def test_curves_end_where_the_shortest_run_does(group):
    epochs, values = group.curve("ndcg@10")
    assert epochs == [0, 1, 2]
    np.testing.assert_allclose(values, [[0.1, 0.3, 0.2], [0.2, 0.1, 0.6]])
    assert group.mean("ndcg@10")[1] == pytest.approx([0.15, 0.2, 0.4])
    assert group.at("ndcg@10", 1) == pytest.approx(0.2)
    assert group.at("ndcg@10", -1) == pytest.approx(0.4)
    assert group.lowest("ndcg@10") == pytest.approx(0.15)


def test_best_is_of_each_run(group):
    assert group.best() == [0.3, 0.6]
    assert group.best_epochs() == [1, 2]
    assert group.record_at_best("effective_rank") == [9.0, 8.0]
    assert group.epoch_seconds == 2.0


def test_a_line_has_its_deviation_as_band(group):
    line = group.line("ndcg@10", role="subject")
    assert line.spread == pytest.approx([np.std([0.1, 0.2], ddof=1), np.std([0.3, 0.1], ddof=1),
                                         np.std([0.2, 0.6], ddof=1)])  # fmt: skip
    assert Group("x", RUN, group.done[:1]).line("ndcg@10").spread is None


def test_means_and_deviations_are_of_a_sample():
    assert mean([]) is None
    assert deviation([1.0]) == 0.0
    assert deviation([1.0, 3.0]) == pytest.approx(2**0.5)
    assert with_deviation([0.21, 0.23]) == "0.2200 ± 0.0141"
    assert with_deviation([]) is None


def test_the_papers_test_is_one_tailed_for_directspec_plus():
    rng = np.random.default_rng(0)
    low, high = rng.normal(0.1, 0.02, 200), rng.normal(0.3, 0.02, 200)
    groups = {
        "BPR": Group("BPR", RUN, [done([0], 0.10, low), done([0], 0.11, low)]),
        "DirectSpec+(MF)": Group("+", RUN, [done([0], 0.30, high), done([0], 0.31, high)]),
    }
    table, numbers = significance_table(groups, "published/ndcg@10", "made")
    against = numbers["against"]["BPR"]
    assert numbers["best"] == "DirectSpec+(MF)"
    assert against["seeds_one_tailed"] < 0.01
    assert against["users_one_tailed"] < 1e-4
    assert numbers["best_differs"]["BPR"] < 1e-4
    turned = {"DirectSpec+(MF)": groups["BPR"], "BPR": groups["DirectSpec+(MF)"]}
    assert (
        significance_table(turned, "published/ndcg@10", "")[1]["against"]["BPR"]["seeds_one_tailed"]
        > 0.9
    )
    assert any("< 0.0001" in str(row) for row in table.rows)
