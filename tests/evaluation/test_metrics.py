from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fullrank.evaluation import metrics
from fullrank.evaluation.metrics import Exposure


def ideal(depth):
    return sum(1 / math.log2(rank + 1) for rank in range(1, depth + 1))


# One user each: hits by rank, number of test items, k.
TWO_OF_FOUR = ([1, 0, 1, 0], 2, 4)
LAST_OF_THREE = ([0, 0, 1], 5, 3)
NONE = ([0, 0], 3, 2)
PERFECT = ([1, 1, 0], 2, 3)
FULL = ([1, 1], 7, 2)


@pytest.mark.parametrize(
    ("formula", "case", "answer"),
    [
        (metrics.recall, TWO_OF_FOUR, 1.0),
        (metrics.recall, LAST_OF_THREE, 1 / 5),
        (metrics.recall, FULL, 2 / 7),
        (metrics.recall_capped, LAST_OF_THREE, 1 / 3),
        (metrics.recall_capped, FULL, 1.0),
        (metrics.recall_capped, TWO_OF_FOUR, 1.0),
        (metrics.precision, TWO_OF_FOUR, 1 / 2),
        (metrics.precision, PERFECT, 2 / 3),
        (metrics.hit_rate, TWO_OF_FOUR, 1.0),
        (metrics.hit_rate, NONE, 0.0),
        (metrics.mrr, LAST_OF_THREE, 1 / 3),
        (metrics.mrr, NONE, 0.0),
        (metrics.mrr, PERFECT, 1.0),
        (metrics.ndcg, TWO_OF_FOUR, (1 + 1 / 2) / (1 + 1 / math.log2(3))),
        (metrics.ndcg, LAST_OF_THREE, 0.5 / ideal(3)),
        (metrics.ndcg, PERFECT, 1.0),
        (metrics.ndcg, FULL, 1.0),
        (metrics.ndcg, NONE, 0.0),
        (metrics.average_precision, TWO_OF_FOUR, (1 + 2 / 3) / 2),
        (metrics.average_precision, LAST_OF_THREE, (1 / 3) / 3),
        (metrics.average_precision, FULL, 1.0),
        (metrics.average_precision, NONE, 0.0),
    ],
)
def test_answers_by_hand(formula, case, answer):
    hits, n_test, k = case
    value = formula(np.array([hits], dtype=bool), np.array([n_test]), k)
    assert value.dtype == np.float64
    assert value == pytest.approx([answer], rel=1e-15)


def test_the_published_ten_has_eleven_ranks():
    """Eleven hits against the ideal for ten: both figures exceed one."""
    hits, n_test = np.ones((1, 11), dtype=bool), np.array([30])
    assert metrics.recall_capped(hits, n_test, 10) == pytest.approx([1.1])
    assert metrics.ndcg(hits, n_test, 10) == pytest.approx([ideal(11) / ideal(10)])


@given(seed=st.integers(0, 2**32 - 1), n_users=st.integers(1, 20), k=st.integers(1, 30))
def test_bounds_and_relations(seed, n_users, k):
    rng = np.random.default_rng(seed)
    hits = rng.random((n_users, k)) < rng.random()
    n_test = hits.sum(axis=1) + rng.integers(0, 40, n_users)
    hits, n_test = hits[n_test > 0], n_test[n_test > 0]
    values = {
        formula.__name__: formula(hits, n_test, k)
        for formula in (
            metrics.recall,
            metrics.recall_capped,
            metrics.precision,
            metrics.hit_rate,
            metrics.mrr,
            metrics.ndcg,
            metrics.average_precision,
        )
    }
    for value in values.values():
        assert value.shape == (len(hits),)
        assert ((value >= 0) & (value <= 1 + 1e-12)).all()
    np.testing.assert_array_equal(values["hit_rate"] > 0, values["mrr"] > 0)
    assert (values["recall"] <= values["recall_capped"]).all()
    assert (values["average_precision"] <= values["recall_capped"] + 1e-12).all()


def test_an_earlier_hit_is_worth_more():
    hits, n_test = np.eye(6, dtype=bool), np.full(6, 3)
    for formula in (metrics.ndcg, metrics.mrr, metrics.average_precision):
        assert (np.diff(formula(hits, n_test, 6)) < 0).all()


@pytest.mark.parametrize(
    ("counts", "gini", "coverage"),
    [
        ([5, 5, 5, 5], 0.0, 1.0),
        ([20, 0, 0, 0], 3 / 4, 1 / 4),
        ([1, 2, 3, 4], 0.25, 1.0),
        ([4, 1, 3, 2], 0.25, 1.0),
        ([0, 0, 0, 0], 0.0, 0.0),
    ],
)
def test_lists_by_hand(counts, gini, coverage):
    exposure = Exposure(np.array(counts), np.arange(4))
    assert metrics.gini(exposure) == pytest.approx(gini, abs=1e-15)
    assert metrics.item_coverage(exposure) == coverage


def test_gini_is_half_the_mean_difference_over_the_mean():
    counts = np.random.default_rng(0).integers(0, 50, 40)
    difference = np.mean([[abs(a - b) for a in counts.tolist()] for b in counts.tolist()])
    value = metrics.gini(Exposure(counts, counts))
    assert value == pytest.approx(difference / (2 * counts.mean()), rel=1e-12)


def test_exposure_counts_filled_places_only():
    exposure = Exposure.of(np.array([[2, 0], [2, -1]], dtype=np.int32), np.array([10, 7, 4]))
    assert exposure.counts.tolist() == [1, 0, 2]
    assert metrics.mean_popularity(exposure) == pytest.approx((10 + 4 + 4) / 3)
    exposure = Exposure.of(np.array([[2, 0], [2, 1]]), np.array([10, 7, 4]))  # 4 slots, 3 items
    assert metrics.mean_popularity(exposure) == pytest.approx((10 + 7 + 4 + 4) / 4)
    empty = Exposure.of(np.array([[-1, -1]]), np.array([10, 7, 4]))
    assert metrics.mean_popularity(empty) == 0.0
