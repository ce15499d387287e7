"""The normalised adjacency of observed and of unobserved pairs, and the difference of the two.

Nearly all pairs are unobserved, so their matrix is dense. But it is one minus the observed pairs,
after normalisation a rank-one matrix minus a sparse one, and products with it cost what products
with the observed pairs cost.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as sparse
from numpy.typing import NDArray

Values = NDArray[np.float64]
Block = sp.csr_array | sparse.LinearOperator


def observed(matrix: sp.csr_array) -> sp.csr_array:
    """``D_U^-½ R D_I^-½``; its singular values are the eigenvalues of A, each with either sign.

    Shapes: ``matrix`` (n_users, n_items), entries of one; returns the same. Rows and columns
    without an entry stay empty.
    """
    users, items = (_inverse_root(degree) for degree in _degrees(matrix))
    return sp.csr_array(sp.diags_array(users) @ matrix.astype(np.float64) @ sp.diags_array(items))


def unobserved(matrix: sp.csr_array) -> sparse.LinearOperator:
    """The same of the pairs that are not observed, the upper right block of Ā.

    With their degrees ``c = n_items - d_u`` and ``e = n_users - d_i`` it is
    ``c^-½ (e^-½)ᵀ - C^-½ R E^-½``, which is never formed.

    Shapes: ``matrix`` (n_users, n_items), entries of one; the operator has the same.
    """
    again, left, right = _unobserved(matrix)
    return _operator(-again, left, right)


def difference(matrix: sp.csr_array) -> sparse.LinearOperator:
    """Observed pairs minus unobserved ones, normalised apart: the upper right block of A - Ā.

    Shapes: ``matrix`` (n_users, n_items), entries of one; the operator has the same.
    """
    again, left, right = _unobserved(matrix)
    return _operator(observed(matrix) + again, -left, right)


def _unobserved(matrix: sp.csr_array) -> tuple[sp.csr_array, Values, Values]:
    n_users, n_items = matrix.shape
    degrees = _degrees(matrix)
    left, right = _inverse_root(n_items - degrees[0]), _inverse_root(n_users - degrees[1])
    return sp.diags_array(left) @ matrix.astype(np.float64) @ sp.diags_array(right), left, right


def _operator(known: sp.csr_array, left: Values, right: Values) -> sparse.LinearOperator:
    """``known + left rightᵀ``, for vectors and for tables."""
    known = sp.csr_array(known)
    back = known.T.tocsr()

    def forth(x: Values) -> Values:
        return np.asarray(known @ x + np.multiply.outer(left, right @ x))

    def backwards(y: Values) -> Values:
        return np.asarray(back @ y + np.multiply.outer(right, left @ y))

    return sparse.LinearOperator(
        shape=known.shape, dtype=np.dtype(np.float64), matvec=forth, rmatvec=backwards,
        matmat=forth, rmatmat=backwards,
    )  # fmt: skip


def largest(operator: Block, count: int) -> Values:
    """The ``count`` largest singular values, or all but one of fewer, the largest first."""
    least = min(operator.shape)
    start = np.random.default_rng(0).standard_normal(least)
    values = sparse.svds(operator, k=min(count, least - 1), return_singular_vectors=False, v0=start)
    return np.asarray(np.sort(values)[::-1], dtype=np.float64)


def _degrees(matrix: sp.csr_array) -> tuple[Values, Values]:
    users, items = (np.asarray(matrix.sum(axis=axis), dtype=np.float64).ravel() for axis in (1, 0))
    return users, items


def _inverse_root(degree: Values) -> Values:
    """``d^-½``, and 0 of 0."""
    return np.where(degree > 0, np.maximum(degree, 1) ** -0.5, 0.0)
