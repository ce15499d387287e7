"""Rows by least squares against whole normal equations in float64, compiled and by torch."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.sparse as sp

from fullrank import DataError, Recommender, native
from fullrank.encoders import Observed, in_own_basis, solved, wide
from fullrank.engine.devices import torch_threads

needs_kernels = pytest.mark.skipif(not native.available(), reason=native.state())
ENGINES = [pytest.param(True, marks=needs_kernels), False]
DIMS = [2, 16, 33, 70]


@pytest.fixture(params=ENGINES, ids=["kernels", "torch"])
def engine(request, monkeypatch):
    """The kernels, or what runs without them."""
    if not request.param:
        monkeypatch.setattr(native, "available", lambda: False)


@pytest.fixture(scope="module")
def extra():
    """(150, 400) extra confidence: rows without pairs, with one, some, and more than 256."""
    rng = np.random.default_rng(0)
    dense = (rng.random((150, 400)) < 0.1) * rng.integers(1, 40, (150, 400)) / 4
    dense[0], dense[1], dense[2] = 0, 3.0, 0
    dense[2, 7], dense[:, 3], dense[:, 5] = 1e-3, 0, 2.0
    return dense


def table(n, d, seed=1):
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


def naive_rows(extra, penalty, others):
    """For each row: (Σ_j c_j y_j y_jᵀ + λ I)⁻¹ Σ_j c_j p_j y_j over all pairs, in float64."""
    others, made = others.astype(np.float64), []
    for more, each in zip(extra, penalty, strict=True):
        confidence, wanted = 1 + more, more > 0
        gram = (others * confidence[:, None]).T @ others + each * np.eye(others.shape[1])
        made.append(np.linalg.solve(gram, others.T @ (confidence * wanted)))
    return np.array(made)


def objective(extra, penalties, users, items):
    error = (extra > 0) - users @ items.T
    ridge = [
        (np.square(rows).sum(axis=1) * each).sum()
        for rows, each in zip((users[:, :24], items[:, :24]), penalties, strict=True)
    ]
    return float(((1 + extra) * error**2).sum() + sum(ridge))


@pytest.mark.parametrize("d", DIMS)
def test_a_sweep_solves_the_normal_equations_of_both_sides(extra, d, engine):
    """Users by items as they are, then items by those users: scores, as bases may turn."""
    rng = np.random.default_rng(2)
    penalties = [rng.uniform(0.1, 5, n) for n in extra.shape]
    given = table(extra.shape[1], d)
    basis = in_own_basis(wide(given), d)
    users = solved(Observed.of(sp.csr_array(extra)), penalties[0], basis)
    assert not users[:, d:].any()
    naive_users = naive_rows(extra, penalties[0], given)
    scores = users.astype(np.float64) @ basis.table.astype(np.float64).T
    np.testing.assert_allclose(scores, naive_users @ given.T, rtol=0, atol=3e-5)
    basis = in_own_basis(users, d)
    items = solved(Observed.of(sp.csr_array(extra.T)), penalties[1], basis)
    naive_items = naive_rows(extra.T, penalties[1], naive_users)
    scores = basis.table.astype(np.float64) @ items.astype(np.float64).T
    np.testing.assert_allclose(scores, naive_users @ naive_items.T, rtol=0, atol=3e-5)


@pytest.mark.parametrize("d", DIMS)
def test_the_basis_is_a_rotation_in_which_the_gram_matrix_is_diagonal(d, engine):
    given = table(90, d)
    basis = in_own_basis(wide(given), d)
    turned = basis.table[:, :d].astype(np.float64)
    assert not basis.table[:, d:].any()
    np.testing.assert_allclose(turned @ turned.T, given @ given.T, rtol=0, atol=1e-4)
    np.testing.assert_allclose(turned.T @ turned, np.diag(basis.spectrum[:d]), rtol=0, atol=2e-3)


def test_the_objective_never_rises(extra, engine):
    rng = np.random.default_rng(3)
    penalties = [rng.uniform(0.1, 2, n) for n in extra.shape]
    pairs = [Observed.of(sp.csr_array(each)) for each in (extra, extra.T)]
    items, seen = wide(0.1 * table(extra.shape[1], 24)), []
    for _ in range(6):
        basis = in_own_basis(items, 24)
        users = solved(pairs[0], penalties[0], basis)
        seen.append(objective(extra, penalties, users.astype(np.float64), basis.table))
        basis = in_own_basis(users, 24)
        items = solved(pairs[1], penalties[1], basis)
        seen.append(objective(extra, penalties, basis.table.astype(np.float64), items))
    assert all(after <= before * (1 + 1e-6) for before, after in itertools.pairwise(seen))
    assert seen[-1] < 0.9 * seen[0]


@needs_kernels
@pytest.mark.parametrize("d", [16, 33, 70])
def test_the_same_bits_on_any_number_of_threads(extra, d, monkeypatch):
    monkeypatch.setenv(native.CORES, "3")
    pairs, penalty, found = Observed.of(sp.csr_array(extra)), np.full(150, 0.3), []
    for threads in (1, 2, 3):
        with torch_threads(threads):
            basis = in_own_basis(wide(table(400, d)), d)
            found.append((basis.table, basis.spectrum, solved(pairs, penalty, basis)))
    for other in found[1:]:
        for one, same in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(one, same)


@pytest.mark.slow
@needs_kernels
def test_a_model_has_the_same_bits_on_any_number_of_threads(small, monkeypatch):
    monkeypatch.setenv(native.CORES, "3")
    models = [Recommender("ials", dim=20, threads=n).fit(small.train) for n in (1, 2, 3)]
    for other in models[1:]:
        assert models[0].user_embeddings.equal(other.user_embeddings)
        assert models[0].item_embeddings.equal(other.item_embeddings)


def test_no_penalty_and_fewer_rows_than_dimensions(engine):
    """The Gram matrix is singular: its zeros are kept from dividing."""
    extra = np.array([[2.0, 0, 1.0], [0, 5.0, 0]])
    basis = in_own_basis(wide(table(3, 8)), 8)
    users = solved(Observed.of(sp.csr_array(extra)), np.zeros(2), basis)
    scores = users.astype(np.float64) @ basis.table.T
    np.testing.assert_allclose(scores, extra > 0, rtol=0, atol=1e-3)  # three items span it all


def test_confidence_beyond_the_digits_of_float32(engine):
    """Items that are alike: the system of a row is singular but for its diagonal of ones."""
    items = np.repeat(table(4, 8), 3, axis=0)
    basis = in_own_basis(wide(items), 8)
    for pairs in (3, 12):
        extra = np.zeros((1, 12))
        extra[0, :pairs] = 1e9
        users = solved(Observed.of(sp.csr_array(extra)), np.array([0.1]), basis)
        scores = users.astype(np.float64) @ basis.table.T
        np.testing.assert_allclose(scores[0, :pairs], 1, rtol=0.05)


@needs_kernels
def test_border_of_the_kernels():
    pairs = Observed.of(sp.csr_array(np.eye(3)))
    one, spectrum, items = np.ones(3, np.float32), np.ones(16, np.float32), wide(table(3, 4))
    arrays, order = (pairs.indptr, pairs.indices, pairs.extra), np.array([0, 3, 1])
    with pytest.raises(DataError, match=r"order\[1\]: found 3; expected 0 to 2"):
        native.solve_rows(arrays, order, one, spectrum, items, 2)
    short = (*arrays[:2], one[:2])
    with pytest.raises(ValueError, match="extra: found shape"):
        native.solve_rows(short, pairs.order, one, spectrum, items, 2)
    with pytest.raises(DataError, match="width"):
        native.gram(table(3, 5), 1)
    with pytest.raises(ValueError, match="basis: found shape"):
        native.rotated(wide(table(3, 5)), np.eye(5, dtype=np.float32), 1)
