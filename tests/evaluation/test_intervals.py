"""Bootstrap intervals: against scipy's, and how often they hold the mean."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
import scipy.stats

from fullrank.evaluation import evaluate
from fullrank.evaluation import intervals as module
from fullrank.evaluation.intervals import DEFINITION, intervals, shown


def like_ndcg(rng, shape):
    """Values of users as metrics have them: half are zero, the rest lean to the left."""
    return np.where(rng.random(shape) < 0.5, 0.0, rng.beta(1, 4, shape))


@pytest.mark.parametrize("level", [0.9, 0.95])
def test_ends_are_those_of_scipy(monkeypatch, level):
    monkeypatch.setattr(module, "RESAMPLES", 20_000)
    values, rng = like_ndcg(np.random.default_rng(0), 60), np.random.default_rng(1)
    other = scipy.stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method="BCa", confidence_level=level, rng=rng
    ).confidence_interval
    found = intervals({"x": values}, level)["x"]
    assert found == pytest.approx((other.low, other.high), abs=0.002)
    tails = ((1 - level) / 2, (1 + level) / 2)
    percentile = np.quantile(module._resampled(values[:, None]), tails)
    assert found[0] > percentile[0]  # a long tail to the right pulls both ends there
    assert found[1] > percentile[1] + 0.001


@pytest.mark.parametrize("users", [60, 400])
def test_nineteen_of_twenty_hold_the_mean(users):
    """Of 1,500 samples of users; their mean is known."""
    rng = np.random.default_rng(3)
    samples = like_ndcg(rng, (users, 1500))
    found = intervals({str(at): samples[:, at] for at in range(1500)})
    low, high = np.array(list(found.values())).T
    assert np.mean((low <= 0.1) & (high >= 0.1)) == pytest.approx(0.95, abs=0.02)
    assert np.mean(low > 0.1) == pytest.approx(0.025, abs=0.015)
    assert np.mean(high < 0.1) == pytest.approx(0.025, abs=0.015)


@pytest.mark.parametrize("level", [0.9, 0.95])
def test_where_users_are_many_they_are_those_of_a_normal_mean(monkeypatch, level):
    monkeypatch.setattr(module, "LARGE", 400)
    values = like_ndcg(np.random.default_rng(0), 400)
    error = values.std(ddof=1) / 20
    expected = scipy.stats.norm.interval(level, values.mean(), error)
    assert intervals({"x": values}, level)["x"] == pytest.approx(expected, rel=1e-9)


def test_ends_are_those_of_the_formula():
    """Efron's, in plain Python, of few users with a long tail, so that each term counts."""
    values = [0.0, 0.01, 0.02, 0.02, 0.05, 0.05, 0.06, 0.3, 0.9]
    normal, mean = NormalDist(), sum(values) / len(values)
    means = module._resampled(np.array(values)[:, None])[:, 0].tolist()
    below = sum((each < mean) + (each == mean) / 2 for each in means) / len(means)
    z0 = normal.inv_cdf(below)
    a = sum((x - mean) ** 3 for x in values) / (6 * sum((x - mean) ** 2 for x in values) ** 1.5)
    assert min(abs(z0), abs(a)) > 0.05
    expected = []
    for z in (normal.inv_cdf(0.025), normal.inv_cdf(0.975)):
        at = normal.cdf(z0 + (z0 + z) / (1 - a * (z0 + z)))
        expected.append(np.quantile(means, at))
    assert intervals({"x": np.array(values)})["x"] == pytest.approx(expected, rel=1e-9)


def test_resampled_means_that_are_the_mean_count_half_below_it():
    """Ten of twenty users have 1: the ends are quantiles of a binomial, .3 and .7."""
    assert intervals({"x": np.repeat([0.0, 1.0], 10)})["x"] == pytest.approx((0.3, 0.7))


def test_many_users_are_normal(monkeypatch):
    values = like_ndcg(np.random.default_rng(0), 4000)
    drawn = intervals({"x": values})["x"]
    monkeypatch.setattr(module, "LARGE", 4000)
    normal = intervals({"x": values})["x"]
    assert normal == pytest.approx(drawn, abs=6e-4)
    error = values.std(ddof=1) / np.sqrt(4000)
    assert normal == pytest.approx(scipy.stats.norm.interval(0.95, values.mean(), error))


def test_the_same_every_time_and_in_blocks(monkeypatch):
    values = like_ndcg(np.random.default_rng(0), (2, 90))
    both = intervals({"a": values[0], "b": values[1]})
    assert both == intervals({"a": values[0], "b": values[1]})
    assert both["a"] == pytest.approx(intervals({"a": values[0]})["a"], abs=1e-12)
    monkeypatch.setattr(module, "BLOCK", 90 * 1000)
    one = intervals({"a": values[0]})["a"]
    monkeypatch.setattr(module, "BLOCK", 90 * 7)
    assert intervals({"a": values[0]})["a"] == one


def test_nothing_varies_or_nobody_is_there():
    assert intervals({}) == {}
    assert intervals({"x": np.array([0.3])}) == {}
    assert intervals({"x": np.full(20, 0.3)})["x"] == pytest.approx((0.3, 0.3))
    assert intervals({"x": np.zeros(20)})["x"] == (0, 0)


def test_they_stand_beside_each_figure(small, scorer_of):
    scorer = scorer_of(np.random.default_rng(0).random((200, 120)))
    found = evaluate(scorer, small.test, train=small.train, k=(5, 10))
    assert list(found.intervals) == found.names_per_user
    for name, (low, high) in found.intervals.items():
        assert low < found[name] < high
    document = found.to_dict()
    assert document["intervals"]["ndcg@10"] == list(found.intervals["ndcg@10"])
    assert document["protocol"]["intervals"] == DEFINITION
    low, high = found.intervals["ndcg@10"]
    assert f"{found['ndcg@10']:.4f} [{low:.4f}, {high:.4f}]" in repr(found)
    assert shown(0.25, (0.2, 0.3)) == "0.2500 [0.2000, 0.3000]"
    assert shown(111.26, None) == "111.3"
