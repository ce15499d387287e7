"""Block Lanczos against dense decompositions in float64."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from fullrank.encoders import block_svd, spectral
from fullrank.encoders.block_svd import space_size, svd_bytes
from fullrank.encoders.spectral import singular_triplets, truncated_svd


@pytest.fixture(scope="module")
def matrix():
    """500 × 400 with a spectrum that falls slowly, as interactions have."""
    made = sp.random_array((500, 400), density=0.03, rng=np.random.default_rng(3))
    return sp.csr_array(made * (np.arange(1, 401) ** -0.3))


def check(found, matrix, rank, tolerance):
    dense = matrix.toarray()
    users, values, items = (each.double().numpy() for each in found[:3])
    expected = np.linalg.svd(dense)[1][:rank]
    np.testing.assert_allclose(values, expected, rtol=tolerance**2 + 1e-5)
    for left, right, product in ((users, items, dense.T), (items, users, dense)):
        np.testing.assert_allclose(left.T @ left, np.eye(rank), atol=max(tolerance, 1e-5))
        error = np.linalg.norm(product @ left - right * values, axis=0) / values
        assert error.max() <= tolerance + 1e-5
    assert found.residual <= tolerance + 1e-5


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(("block", "rank"), [(8, 20), (8, 24), (16, 50), (5, 3)])
def test_leading_triplets(matrix, block, rank, turned, monkeypatch):
    """Whole blocks or not, restarted several times; users or items may be fewer."""
    monkeypatch.setattr(block_svd, "BLOCK", block)
    matrix = sp.csr_array(matrix.T) if turned else matrix
    shares = []
    found = block_svd.block_svd(matrix, rank, progress=shares.append)
    assert len(shares) > 1
    assert shares == sorted(shares)
    assert shares[-1] == 1
    check(found, matrix, rank, 1e-3)


def test_a_space_that_is_the_whole_side(matrix):
    check(block_svd.block_svd(matrix, 390), matrix, 390, 1e-3)


def test_the_residual_is_what_was_asked_for(matrix, monkeypatch):
    monkeypatch.setattr(block_svd, "BLOCK", 8)
    loose, tight = (block_svd.block_svd(matrix, 20, tolerance=each) for each in (0.1, 1e-4))
    check(tight, matrix, 20, 1e-4)
    assert tight.residual < loose.residual <= 0.1 + 1e-5
    assert tight.products > loose.products


def test_a_residual_that_is_not_reached_is_told(matrix, monkeypatch):
    monkeypatch.setattr(block_svd, "BLOCK", 8)
    monkeypatch.setattr(block_svd, "RESTARTS", 0)
    assert block_svd.block_svd(matrix, 60).residual > 1e-3


@pytest.mark.parametrize("rank", [12, 40])
def test_a_matrix_of_low_rank(rank, monkeypatch):
    """Ten pairs; the others are zero, and no direction is made of nothing."""
    monkeypatch.setattr(block_svd, "BLOCK", 8)
    rng = np.random.default_rng(0)
    matrix = np.zeros((300, 200))
    for part in range(10):  # disjoint blocks, some of equal value
        matrix[30 * part : 30 * part + 30, 20 * part : 20 * part + 20] = 1 + part // 2
    matrix = matrix[rng.permutation(300)][:, rng.permutation(200)]
    found = block_svd.block_svd(sp.csr_array(matrix), rank)
    expected = np.linalg.svd(matrix)[1][:rank]
    np.testing.assert_allclose(found.values, expected, atol=1e-3)
    assert (found.values[10:] == 0).all()
    assert (found.users[:, 10:] == 0).all() or (found.items[:, 10:] == 0).all()
    made = (found.users.double() * found.values) @ found.items.double().T
    np.testing.assert_allclose(made, matrix, atol=1e-3)


def test_the_seed_makes_the_bits(matrix):
    one, same, other = (block_svd.block_svd(matrix, 30, seed) for seed in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(one[:3], same[:3], strict=True))
    assert not torch.equal(one.users, other.users)


def test_small_and_large_matrices_have_the_same_triplets(matrix, monkeypatch):
    """A large one is one of more entries than may be written out."""
    exact = singular_triplets(matrix, 20)
    assert exact.residual < 1e-10
    monkeypatch.setattr(spectral, "DENSE", 0)
    found = singular_triplets(matrix, 20)
    assert found.products > 0 == exact.products
    leading = slice(8)  # those whose neighbours are far enough off for vectors to be defined
    for a, b in zip(exact[:3], found[:3], strict=True):
        np.testing.assert_allclose(a[..., leading], b[..., leading], atol=5e-3)
    made = truncated_svd(matrix, 20)
    assert torch.equal(made.items, found.items)


def test_memory_is_counted():
    size = space_size(1000, 30_000)
    assert 2000 < size < 2400
    assert svd_bytes((30_000, 40_000), 1000) > 4 * (30_000 * size + 70_000 * 1000)
