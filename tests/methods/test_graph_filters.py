"""Filters of the spectrum, against their formulas on dense matrices in float64."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from dense import degrees, dense_of, low_pass, normalised, scores

from fullrank import METHODS, Interactions
from fullrank.methods.closed_form import bspm, chebycf, filtering, pruning
from fullrank.serving import filter_scorer, sgfcf_scorer


def test_gf_cf(data):
    dense, rank, alpha = dense_of(data), 6, 0.7
    graph = normalised(dense)
    expected = dense @ (graph.T @ graph + alpha * low_pass(dense, rank))
    np.testing.assert_allclose(
        scores("gf-cf", data, rank=rank, alpha=alpha), expected, rtol=1e-4, atol=1e-4
    )
    hop = scores("gf-cf", data, alpha=0.0)
    np.testing.assert_allclose(hop, dense @ graph.T @ graph, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("neighbours", [None, 4])
def test_turbo_cf(data, order, neighbours, monkeypatch):
    monkeypatch.setattr(pruning, "ROWS", 9)
    dense, alpha, power = dense_of(data), 0.6, 0.7
    users, items = degrees(dense)
    ours = np.diag(users**-alpha) @ dense @ np.diag(items ** (alpha - 1))
    graph = (ours.T @ ours) ** power
    if neighbours:
        for row in graph:
            row[np.argsort(-row.round(12), kind="stable")[neighbours:]] = 0
    square = graph @ graph
    filters = {
        1: graph,
        2: 2 * graph - square,
        3: graph + 0.01 * (-square @ graph + 10 * square - 29 * graph),
    }
    got = scores("turbo-cf", data, order=order, neighbours=neighbours, alpha=alpha, power=power)
    if neighbours is None:  # rounding decides between equal neighbours
        np.testing.assert_allclose(got, dense @ filters[order], rtol=1e-3, atol=1e-3)
    elif order == 1:
        np.testing.assert_allclose(got.sum(1), (dense @ graph).sum(1), rtol=1e-4)


@pytest.mark.parametrize("targets", ["extrema", "nodes"])
@pytest.mark.parametrize(("order", "flatness"), [(1, 1.0), (5, 3.0), (8, 1.5)])
def test_chebycf(data, targets, order, flatness):
    """By the eigenvalues of the Laplacian: the interpolating polynomial of each."""
    dense, rank, alpha, beta = dense_of(data), 6, 0.3, 0.4
    graph = normalised(dense)
    values, vectors = np.linalg.eigh(np.eye(len(graph.T)) - 2 * graph.T @ graph)
    nodes = [math.cos((order + 0.5 - i) * math.pi / (order + 1)) for i in range(order + 1)]
    extrema = [math.cos((order - i) * math.pi / order) for i in range(order + 1)]
    plateau = [
        (1 + (-x) ** flatness) / 2 if x < 0 else (1 - x**flatness) / 2
        for x in (nodes if targets == "nodes" else extrema)
    ]
    through = np.polynomial.Polynomial.fit(nodes, plateau, order)
    right = np.linalg.svd(graph)[2][:rank].T
    filtered = (vectors * through(values)) @ vectors.T + alpha * right @ right.T
    items = degrees(dense)[1]
    expected = (dense * items**-beta) @ filtered * items**beta
    settings = {"order": order, "flatness": flatness, "targets": targets}
    got = scores("chebycf", data, rank=rank, alpha=alpha, beta=beta, **settings)
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=2e-4)


def test_the_plateau_keeps_low_frequencies_and_drops_high_ones():
    filtered = chebycf.interpolated(8, 15.0, "extrema")
    ends = np.polynomial.chebyshev.chebval([-1, 0, 1], filtered)
    assert ends[0] > 0.8
    assert ends[1] == pytest.approx(0.5)
    assert ends[2] < 0.2


@pytest.mark.parametrize("merge", ["early", "late"])
@pytest.mark.parametrize("solver", ["euler", "rk4"])
@pytest.mark.parametrize("average", [False, True])
def test_bspm(data, merge, solver, average):
    """The two processes step by step on dense histories, the fourth-order rule written out."""
    dense, rank, alpha, time, steps = dense_of(data), 6, 0.4, 1.7, 2
    graph = normalised(dense)
    hop = graph.T @ graph
    blurred = dense + (dense @ hop - dense) * 0.8
    smooth = alpha * dense @ low_pass(dense, rank)
    h, state, states = time / steps, blurred + (smooth if merge == "early" else 0), [blurred]
    for _ in range(steps):
        one = -state @ hop
        two = -(state + h / 2 * one) @ hop
        three = -(state + h / 2 * two) @ hop
        four = -(state + h * three) @ hop
        rk4 = h / 6 * (one + 2 * two + 2 * three + four)
        state = state + (rk4 if solver == "rk4" else h * one)
        states.append(state)
    expected = np.mean(states, axis=0) if average else state
    expected = expected + (smooth if merge == "late" else 0)
    got = scores(
        "bspm",
        data,
        rank=rank,
        alpha=alpha,
        blurring=0.8,
        sharpening=time,
        sharpening_steps=steps,
        solver=solver,
        merge=merge,
        average=average,
    )
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=3e-4)


def test_bspm_without_sharpening_is_gf_cf(small):
    ours = scores("bspm", small.train, rank=9, alpha=0.3, sharpening=0.0)
    theirs = scores("gf-cf", small.train, rank=9, alpha=0.3)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


def test_rk4_is_nearer_to_the_exponential_than_euler():
    (euler,), (rk4,) = (
        bspm._states(np.polynomial.Polynomial([0, -1]), 1.0, 1, terms) for terms in (1, 4)
    )
    assert abs(rk4(0.7) - math.exp(-0.7)) < 0.01 * abs(euler(0.7) - math.exp(-0.7))


@pytest.mark.parametrize(("low", "high"), [(0.7, 1.6), (1.0, 1.0)])
@pytest.mark.parametrize("offset", [0.0, 2.0])
def test_sgfcf(data, low, high, offset):
    dense, rank, epsilon, gamma = dense_of(data), 6, 0.3, 0.8
    users, items = (dense.sum(axis) + offset for axis in (1, 0))
    users, items = np.where(users > offset, users, 1), np.where(items > offset, items, 1)
    ours = users[:, None] ** -epsilon * dense * items**-epsilon
    left, values, right = np.linalg.svd(ours)
    left, values, right = left[:, :rank], values[:rank] / values[0], right[:rank].T

    def share(seen, row):
        """Pairs of the row's columns that another row has as well."""
        columns = np.flatnonzero(seen[row])
        others = np.delete(seen, row, axis=0)
        met = [(others[:, i] & others[:, j]).any() for i in columns for j in columns if i != j]
        return np.mean(met) if met else 0.0

    betas = []
    for seen in (dense > 0, dense.T > 0):
        shares = np.array([share(seen, row) for row in range(len(seen))])
        betas.append(low + (high - low) * (shares - shares.min()) / (np.ptp(shares) or 1))
    smooth = (left * values ** betas[0][:, None]) @ (right * values ** betas[1][:, None]).T
    hop = ours @ ours.T @ ours
    with np.errstate(invalid="ignore"):
        expected = smooth / np.abs(smooth.sum(1, keepdims=True))
        expected = np.nan_to_num(expected) + gamma * np.nan_to_num(hop / hop.sum(1, keepdims=True))
    settings = {"beta_low": low, "beta_high": high, "gamma": gamma, "offset": offset}
    got = scores("sgfcf", data, rank=rank, epsilon=epsilon, **settings)
    trained = dense.any(axis=1)
    np.testing.assert_allclose(got[trained], expected[trained], rtol=1e-3, atol=1e-5)
    assert (got[~trained] == 0).all()


@pytest.mark.parametrize(
    ("users", "items", "expected"), [(5, 40, 5), (300, 90, 16), (1600, 700, 43), (9000, 9999, 256)]
)
def test_the_rank_grows_with_the_data(users, items, expected):
    data = Interactions.from_scipy(sp.eye_array(users, items, format="csr"))
    assert filtering.rank_for(data, None, most=256) == expected
    assert filtering.rank_for(data, 3, most=256) == 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nothing to reduce
        METHODS["gf-cf"]().fitted_to(data)


def test_homophily_by_hand():
    seen = np.array([[1, 1, 1, 0], [1, 1, 0, 0], [0, 0, 1, 1]])
    rows = sp.csr_array(seen.astype(np.float32))
    columns = sp.csr_array(rows.T)
    # Of the pairs of row 0, only columns 0 and 1 meet in another row.
    own = sgfcf_scorer.homophily(rows.indptr, rows.indices, columns, 1)
    assert own.tolist() == pytest.approx([1 / 3, 1.0, 0.0])
    strangers = sgfcf_scorer.homophily(rows.indptr, rows.indices, columns, 0)
    assert strangers.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("cells", [1, 250, 2**22])
@pytest.mark.parametrize("others", [0, 1, 2])
def test_homophily_against_a_loop_over_pairs(small, cells, others, monkeypatch):
    monkeypatch.setattr(sgfcf_scorer, "CELLS", cells)
    rows = small.train.csr().astype(np.float32)
    dense, columns = rows.toarray() > 0, sp.csr_array(rows.T)
    expected = []
    for own in (np.flatnonzero(row) for row in dense):
        pairs = [(i, j) for i in own for j in own if i != j]
        met = [(dense[:, i] & dense[:, j]).sum() > others for i, j in pairs]
        expected.append(sum(met) / max(len(pairs), 1))
    found = sgfcf_scorer.homophily(rows.indptr, rows.indices, columns, others)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_without_kernels_the_same(small, monkeypatch):
    settings = {"order": 6, "rank": 8}
    compiled = scores("chebycf", small.train, **settings)
    monkeypatch.setattr(filter_scorer.native, "available", lambda: False)
    np.testing.assert_allclose(scores("chebycf", small.train, **settings), compiled, atol=1e-5)


def test_a_polynomial_of_high_degree_stays_finite(small):
    """A bound that took row and column sums for the spectrum would refuse it."""
    graph = sp.csr_array(normalised(dense_of(small.train)).astype(np.float32))
    assert filter_scorer.eigenvalue_bound(graph, sp.csr_array(graph.T)) == pytest.approx(1)
    assert np.isfinite(scores("chebycf", small.train, order=64, rank=8)).all()
