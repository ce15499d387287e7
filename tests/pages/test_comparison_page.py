from __future__ import annotations

import numpy as np
import pytest
from parsed import check

from fullrank.pages.comparison import main_metric, values_of, verdict
from fullrank.pages.render import page
from fullrank.studies.comparison import Comparison
from fullrank.studies.runs import Run
from fullrank.studies.tables import plain_rows

USERS = 400


def run(level, seed, noise=0.05, **metadata):
    """Values of users around a level: what users have in common, and what a run adds."""
    users = np.random.default_rng(0).normal(0.0, 0.2, USERS)
    own = np.random.default_rng(seed + 1).normal(0.0, noise, USERS)
    values = {"ndcg@20": level + users + own, "recall@20": level + users}
    return Run({name: float(each.mean()) for name, each in values.items()}, values, metadata)


def comparison(levels, seeds=(0, 1, 2), errors=None, **metadata):
    runs = {
        label: [run(level, 100 * at + seed, **metadata) for seed in seeds]
        for at, (label, level) in enumerate(levels.items())
    }
    return Comparison("data", "0123", "standard", list(seeds), runs, errors or {})


def whole(done):
    return check(page("comparison.html", values_of(done)))


def test_a_clear_winner_is_called_so():
    done = comparison({"a": 0.2, "b": 0.5, "c": 0.3})
    best, second = (done.mean(label, "ndcg@20") for label in "bc")
    assert verdict(done, "ndcg@20") == (
        f"b ranks best: ndcg@20 {best:.4f}, {100 * (best / second - 1):.1f} % above c "
        f"({second:.4f}). It differs from every other method at p < 0.01, over users and seeds."
    )
    whole(done)


def test_of_two_equal_methods_none_is_called_better():
    done = comparison({"a": 0.3, "b": 0.3, "c": 0.1})
    second = done.ranked("ndcg@20")[1]
    assert verdict(done, "ndcg@20").endswith(f"it does not differ for certain from {second}.")
    root = whole(done)
    assert second in root.text


@pytest.mark.parametrize(
    ("levels", "said"),
    [
        ({"a": 0.3, "b": 0.3}, "a, b rank alike: ndcg@20 0.3000 each."),
        ({"a": 0.1, "b": 0.3, "c": 0.3}, "b, c rank alike: ndcg@20 0.3000 each, above the others."),
        ({"a": 0.0, "b": 0.0}, "a, b rank alike: ndcg@20 0.0000 each."),
    ],
)
def test_of_methods_that_are_alike_none_ranks_best(levels, said):
    runs = {
        label: [Run({"ndcg@20": level}, {"ndcg@20": np.full(USERS, level)}, {})]
        for label, level in levels.items()
    }
    done = Comparison("data", "0123", "standard", [0], runs, {})
    assert verdict(done, "ndcg@20") == said
    whole(done)
    best = max(levels.values())
    stars = {row[0]: "*" in row[1] for row in plain_rows(done, ["ndcg@20"])}
    assert stars == {label: level == best for label, level in levels.items()}


def test_a_single_seed_says_nothing_of_training():
    text = verdict(comparison({"a": 0.2, "b": 0.5}, seeds=(0,)), "ndcg@20")
    assert text.endswith("a single seed says nothing of chance in training.")


def test_one_method_and_methods_that_failed():
    done = comparison({"a": 0.2}, errors={"<b>": "it failed"})
    root = whole(done)
    assert "nothing to compare it with" in root.text
    assert "<b>: it failed" in root.text


def test_a_difference_is_of_paired_users():
    done = comparison({"a": 0.2, "b": 0.25})
    gain, (low, high) = done.difference("b", "a", "ndcg@20")
    assert gain == pytest.approx(done.mean("b", "ndcg@20") - done.mean("a", "ndcg@20"))
    assert low < gain < high
    alone = done.interval("b", "ndcg@20")
    assert high - low < 0.5 * (alone[1] - alone[0])  # what users have in common is gone
    back, ends = done.difference("a", "b", "ndcg@20")
    assert back == -gain
    assert ends[1] < 0


def test_effective_rank_is_beside_accuracy_where_there_are_embeddings():
    runs = {
        "a": [run(0.2, 0, effective_rank=30.0, seconds=2.0)],
        "b": [run(0.3, 1, effective_rank=50.0, seconds=3.0)],
        "c": [run(0.1, 2, seconds=0.1)],
    }
    done = Comparison("data", "0123", "standard", [0], runs, {})
    seconds, ranks = values_of(done)["cost"]
    assert [row[0] for row in seconds.rows] == ["b", "a", "c"]
    assert [row[:2] for row in ranks.rows] == [["b", "50"], ["a", "30"]]
    whole(done)


def test_the_main_metric_is_ndcg_at_the_longest_cutoff():
    done = comparison({"a": 0.2})
    done.metrics = ["recall@10", "ndcg@10", "recall@20", "ndcg@20", "gini@20"]
    assert main_metric(done) == "ndcg@20"
    done.metrics = ["recall@10"]
    assert main_metric(done) == "recall@10"
