"""A, Ā and their difference against the dense matrices that the code never forms."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from fullrank.lab import adjacency


@pytest.fixture
def matrix():
    rng = np.random.default_rng(0)
    dense = (rng.random((12, 9)) < 0.3).astype(float)
    dense[3], dense[:, 5] = 0, 0
    return sp.csr_array(dense)


def normalised(dense):
    """Entry by entry: each over the roots of the degrees of its row and of its column."""
    found = np.zeros_like(dense)
    for u, i in zip(*np.nonzero(dense), strict=True):
        found[u, i] = 1 / np.sqrt(dense[u].sum() * dense[:, i].sum())
    return found


def dense_of(operator):
    return operator @ np.eye(operator.shape[1])


def test_observed(matrix):
    np.testing.assert_allclose(
        adjacency.observed(matrix).toarray(), normalised(matrix.toarray()), atol=1e-14
    )


def test_unobserved_and_difference(matrix):
    others = normalised(1 - matrix.toarray())
    np.testing.assert_allclose(dense_of(adjacency.unobserved(matrix)), others, atol=1e-14)
    expected = normalised(matrix.toarray()) - others
    operator = adjacency.difference(matrix)
    np.testing.assert_allclose(dense_of(operator), expected, atol=1e-14)
    np.testing.assert_allclose(operator.T @ np.eye(12), expected.T, atol=1e-14)
    np.testing.assert_allclose(operator @ np.ones(9), expected.sum(axis=1), atol=1e-14)


def test_largest_are_those_of_the_dense_matrix(matrix):
    expected = np.linalg.svd(dense_of(adjacency.difference(matrix)), compute_uv=False)
    found = adjacency.largest(adjacency.difference(matrix), 4)
    np.testing.assert_allclose(found, expected[:4], atol=1e-10)
    assert len(adjacency.largest(adjacency.observed(matrix), 500)) == 8


def test_eigenvalues_are_singular_values_of_either_sign(matrix):
    block = adjacency.observed(matrix).toarray()
    whole = np.block([[np.zeros((12, 12)), block], [block.T, np.zeros((9, 9))]])
    values = np.linalg.eigvalsh(whole)[::-1]
    np.testing.assert_allclose(
        adjacency.largest(adjacency.observed(matrix), 5), values[:5], atol=1e-10
    )
    np.testing.assert_allclose(values, -values[::-1], atol=1e-12)
