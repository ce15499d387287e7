"""Shares by popularity and activity: against loops, scipy and simulated draws."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import scipy.stats

from fullrank.auditing import shares as module
from fullrank.auditing.shares import (
    Bin,
    Shares,
    alike,
    differing,
    shares_by_items,
    shares_by_users,
    wilson,
)
from fullrank.data import Ids, Interactions, generate, hold_out, load
from fullrank.data.bins import bin_of, edges_of
from fullrank.evaluation.significance import holm


def naive(rest, part, bins, n):
    """Mean and covariance of the counts by bin of a uniform draw, user by user."""
    mean, covariance = np.zeros(n), np.zeros((n, n))
    for user in range(part.n_users):
        items = [
            item
            for each in (rest, part)
            for item in each.item_idx[each.indptr[user] : each.indptr[user + 1]]
        ]
        q, d = int(part.user_degree[user]), len(items)
        if not d:
            continue
        a = np.bincount(bins[items], minlength=n)
        mean += q * a / d
        if d > 1:
            for b in range(n):
                for c in range(n):
                    same = d * a[b] if b == c else 0
                    covariance[b, c] += q * (d - q) * (same - a[b] * a[c]) / (d * d * (d - 1))
    return mean, covariance


def test_mean_and_spread_are_those_of_the_loop(monkeypatch):
    data = generate(60, 40, 700, seed=2)
    rest, part = hold_out(data, 0.3, 1)
    bins = bin_of(data.item_degree, edges_of(data.item_degree))
    mean, covariance = naive(rest, part, bins, bins.max() + 1)
    seen = {}
    real = module._tested

    def watch(size, of, held, taken, expected, spread):
        seen.update(expected=expected, covariance=spread)
        return real(size, of, held, taken, expected, spread)

    monkeypatch.setattr(module, "_tested", watch)
    monkeypatch.setattr(module, "BLOCK", 7)
    found = shares_by_items([rest], part)
    assert seen["expected"] == pytest.approx(mean, rel=1e-12)
    assert seen["covariance"] == pytest.approx(covariance, rel=1e-9, abs=1e-9)
    z = (part.item_degree @ (bins[:, None] == np.arange(len(mean))) - mean) / np.sqrt(
        np.diagonal(covariance)
    )
    p = np.sort(2 * scipy.stats.norm.sf(abs(z)))
    assert min(each.p for each in found.bins) == pytest.approx(min(1, p[0] * len(p)), rel=1e-9)
    off = part.item_degree @ (bins[:, None] == np.arange(len(mean))) - mean
    chi = off @ np.linalg.pinv(covariance) @ off
    assert found.p == pytest.approx(scipy.stats.chi2.sf(chi, len(mean) - 1), rel=1e-6)


@pytest.mark.slow
def test_uniform_draws_are_rarely_called_skewed(table):
    """P-values of draws that are uniform are: at most one in twenty below 0.05, about."""
    together, smallest, skewed = [], [], 0
    for seed in range(200):
        found = shares_by_items([(parts := hold_out(table, 0.2, seed))[0]], parts[1])
        together.append(found.p)
        smallest.append(min(each.p for each in found.bins))
        skewed += found.skewed
    assert skewed <= 6  # of 200, at a level of 0.01
    for values in (together, smallest):
        assert np.mean(np.array(values) < 0.05) <= 0.09
    assert np.mean(np.array(together) < 0.5) == pytest.approx(0.5, abs=0.12)


@pytest.mark.parametrize(("power", "tendency"), [(0.3, 1), (-0.3, -1)])
def test_a_planted_skew_is_found_with_its_direction(table, skewed_draw, power, tendency):
    rest, part = skewed_draw(table, power)
    found = shares_by_items([rest], part)
    assert found.skewed
    assert found.tendency == tendency
    assert found.p < 1e-6
    ratio = [each.ratio for each in found.bins]
    assert (ratio[-1] > 1 > ratio[0]) == (power > 0)


def test_a_draw_of_active_users_is_no_skew_by_popularity(table):
    """All of the active users' test items, none of the others': uneven by users alone."""
    rng = np.random.default_rng(0)
    active = table.user_degree >= np.median(table.user_degree)
    held = (rng.random(len(table)) < 0.4) & active[table.user_idx]
    rest, part = table.select(~held), table.select(held)
    assert not shares_by_items([rest], part).skewed
    by_users = shares_by_users([rest], part)
    assert by_users.skewed
    assert by_users.tendency == 1


def test_shares_are_counts(table, monkeypatch):
    """In blocks of users, and with users and items that have no interactions."""
    monkeypatch.setattr(module, "BLOCK", 99)
    ids = Ids.numbered(table.n_users + 5), Ids.numbered(table.n_items + 5)
    table = Interactions.from_rows(*ids, table.user_idx, table.item_idx)
    rest, part = hold_out(table, 0.2, 0)
    for found, side in ((shares_by_items, "item_degree"), (shares_by_users, "user_degree")):
        size, of_part = (getattr(each, side) for each in (table, part))
        bins = found([rest], part).bins
        assert sum(each.interactions for each in bins) == len(table)
        for each in bins:
            inside = (size >= each.low) & (size <= each.high) & (size > 0)
            assert each.rows == inside.sum()
            assert (each.low, each.high) == (size[inside].min(), size[inside].max())
            assert each.interactions == size[inside].sum()
            assert each.taken == of_part[inside].sum()
            assert each.share == each.taken / each.interactions


def test_a_part_of_users_alone_is_one_share():
    """Every user gives all or nothing: a uniform draw could not have been otherwise."""
    data = generate(60, 40, 700, seed=2)
    some = np.arange(60)[data.user_idx] < 20
    found = shares_by_items([data.select(~some)], data.select(some))
    assert all(each.p == 1 and each.ratio == pytest.approx(1) for each in found.bins)
    assert found.p == 1


@pytest.mark.parametrize(("taken", "of"), [(0, 10), (3, 10), (10, 10), (206, 1000), (1, 1)])
def test_wilson_is_scipys(taken, of):
    other = scipy.stats.binomtest(taken, of).proportion_ci(method="wilson")
    assert wilson(taken, of) == pytest.approx((other.low, other.high), abs=1e-6)
    assert wilson(0, 0) == (0.0, 1.0)


def test_a_bin_deviates_where_it_is_certain_and_matters():
    def made(share, p):
        return Bin(1, 2, 5, 1000, round(1000 * share), 0.2, p)

    assert made(0.211, 0.009).deviates
    assert made(0.189, 0.009).deviates
    assert not made(0.211, 0.01).deviates
    assert not made(0.209, 0.0001).deviates


@pytest.mark.parametrize(
    ("ratios", "weights", "tendency"),
    [
        ((1.0, 1.1), (1, 1), 1),
        ((1.1, 1.0), (1, 1), -1),
        ((1.0, 1.0), (1, 1), 0),
        ((0.9, 1.2, 1.0), (90, 90, 1), 1),  # the rise between the bins that count
        ((1.2, 0.9, 1.3), (90, 90, 1), -1),
        ((1.0, 1.2, 0.95), (1000, 10, 10), 1),
        ((1.0,), (1,), 0),
        ((1.0,), (0,), 0),
    ],
)
def test_the_tendency_is_the_slope_by_interactions(ratios, weights, tendency):
    made = [
        Bin(1, 2, 5, 1000 * n, round(200 * n * ratio), 0.2, 0.0)
        for ratio, n in zip(ratios, weights, strict=True)
    ]
    x, y = np.arange(len(ratios)), np.array(ratios)
    if len(ratios) > 1:  # by least squares
        slope = np.polyfit(x, y, 1, w=np.sqrt(weights))[0]
        assert np.sign(np.round(slope, 9)) == tendency
    assert Shares(tuple(made), 0.0).tendency == tendency


@pytest.mark.parametrize(("odd", "skewed"), [(0, False), (19, False), (20, True), (900, True)])
def test_odd_bins_of_a_few_interactions_are_no_skew(odd, skewed):
    """A bin deviates for certain; it counts from one in fifty of the interactions on."""
    bins = [Bin(1, 2, 5, 1000 - odd, round(0.2 * (1000 - odd)), 0.2, 1.0)]
    bins += [Bin(3, 4, 5, odd, odd, 0.2, 0.0)] if odd else []
    assert Shares(tuple(bins), 1.0).skewed is skewed


@pytest.mark.parametrize(("ratio", "differs"), [(1.04, 0), (0.96, 0), (1.06, 1), (0.94, 1)])
def test_parts_differ_where_it_is_certain_and_matters(ratio, differs):
    def made(taken):
        return Shares((Bin(1, 9, 50, 10**7, taken, 0.2, 1.0), Bin(10, 99, 5, 9, 1, 0.2, 1.0)), 1.0)

    pair = made(round(2e6 * ratio)), made(2 * 10**6)
    for one, other in (pair, pair[::-1]):
        assert differing(one, other) == list(one.bins[:differs])
        assert alike(one, other) is not bool(differs)


def test_the_error_of_a_difference_is_that_of_both_counts_by_hand():
    """1.08 against 1: z = .08 / hypot(1.08 / √2160, 1 / √2000) = 2.48, p = .013, two-sided."""

    def made(taken, bins=1):
        return Shares((Bin(1, 9, 50, 10_000, taken, 0.2, 1.0),) * bins, 1.0)

    assert not differing(made(2160), made(2000))
    assert differing(made(2180), made(2000))  # z = 2.79, p = .0054
    assert not differing(made(2180, 2), made(2000, 2))  # times two bins


def test_shares_by_users_against_independent_draws(table):
    """Each interaction is drawn with one probability s: variance s (1 - s) h (1 - h / H) of h."""
    part = table.select(np.random.default_rng(2).random(len(table)) < 0.2)
    found = shares_by_users([table.select(~inside(table, part))], part)
    share, h = len(part) / len(table), np.array([each.interactions for each in found.bins])
    off = np.array([each.taken for each in found.bins]) - share * h
    z = abs(off) / np.sqrt(share * (1 - share) * h * (1 - h / len(table)))
    assert [each.p for each in found.bins] == pytest.approx(holm(list(2 * scipy.stats.norm.sf(z))))
    assert [each.expected for each in found.bins] == pytest.approx([share] * len(h))
    assert sum(off) == pytest.approx(0)
    chi = sum(off**2 / h) / (share * (1 - share))  # Pearson's, of bins × (in the part or not)
    assert found.p == pytest.approx(scipy.stats.chi2.sf(chi, len(h) - 1), rel=1e-6)


def inside(table, part):
    """Which pairs of a table are in a part of it."""
    keys = (each.user_idx * np.int64(table.n_items) + each.item_idx for each in (table, part))
    return np.isin(*keys)


def test_parts_are_compared_with_each_other(table, skewed_draw):
    rest, test = skewed_draw(table, 0.5)
    size = table.item_degree
    skewed = shares_by_items([rest], test, size)
    for power, same in ((0.5, True), (0.0, False), (-0.5, False)):
        train, chosen = skewed_draw(rest, power, seed=1)
        other = shares_by_items([train], chosen, size)
        assert alike(skewed, other) is same
        assert bool(differing(skewed, other)) is not same


DATA = Path(os.environ.get("FULLRANK_DATA", "nowhere"))


def of(name):
    if not (DATA / name).is_dir():
        pytest.skip(f"FULLRANK_DATA has no {name}")
    split = load(name, validation=0)
    return split.train, split.test


def share_between(rest, part, low, high):
    size = rest.item_degree + part.item_degree
    inside = (size >= low) & (size < high)
    return part.item_degree[inside].sum() / size[inside].sum()


def test_gowalla_takes_popular_items():
    rest, part = of("gowalla")
    shares = [share_between(rest, part, *each) for each in ((1, 100), (100, 300), (300, 10**9))]
    assert [round(float(each), 3) for each in shares] == [0.206, 0.211, 0.271]
    found = shares_by_items([rest], part)
    assert found.skewed
    assert found.tendency == 1
    assert sum(each.rows for each in found.deviating) == 138
    assert min(each.low for each in found.deviating) == 300


def test_yelp2018_takes_unpopular_items():
    rest, part = of("yelp2018")
    shares = [share_between(rest, part, *each) for each in ((1, 16), (50, 100), (800, 10**9))]
    assert [round(float(each), 3) for each in shares] == [0.228, 0.211, 0.157]
    found = shares_by_items([rest], part)
    assert found.skewed
    assert found.tendency == -1
    top = [each for each in found.deviating if each.low >= 800]
    assert sum(each.rows for each in top) == 17


@pytest.mark.parametrize("name", ["citeulike", "yelp-sparse", "ml-100k"])
def test_uniform_draws_of_real_data_are_clean(name):
    rest, part = of(name)
    found = shares_by_items([rest], part)
    assert not found.skewed
    assert found.p > 0.05
    if name == "citeulike":  # seven items that look odd have users of whom more was taken
        top = found.bins[-1]
        assert (top.rows, round(top.share, 3), round(top.expected, 3)) == (7, 0.234, 0.232)
