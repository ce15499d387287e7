"""The normalised adjacency of observed and of unobserved pairs, and the difference of the two.

All but about a thousandth of the pairs are unobserved, so their matrix is dense. It is one minus the
observed pairs, so that after normalisation it is a rank-one matrix minus a sparse one, and products
with it cost what products with the observed pairs cost.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as sparse
from numpy.typing import NDArray

Values = NDArray[np.float64]


def observed(matrix: sp.csr_array) -> sp.csr_array:
    """``D_U^-½ R D_I^-½``; its singular values are the eigenvalues of A, each with either sign.

    Shapes: ``matrix`` (n_users, n_items), entries of one; returns the same. Rows and columns without
    an entry stay empty.
    """
    users, items = (_inverse_root(degree) for degree in _degrees(matrix))
    return sp.csr_array(sp.diags_array(users) @ matrix.astype(np.float64) @ sp.diags_array(items))


def difference(matrix: sp.csr_array) -> sparse.LinearOperator:
    """Observed pairs minus unobserved ones, normalised apart: the upper right block of A - Ā.

    With ``c = n_items - d_u`` and ``e = n_users - d_i``, the degrees of the unobserved pairs, it is
    ``D_U^-½ R D_I^-½ + C^-½ R E^-½ - c^-½ (e^-½)ᵀ``. It is never formed.

    Shapes: ``matrix`` (n_users, n_items), entries of one; the operator has the same.
    """
    n_users, n_items = matrix.shape
    degrees = _degrees(matrix)
    left, right = _inverse_root(n_items - degrees[0]), _inverse_root(n_users - degrees[1])
    again = sp.diags_array(left) @ matrix.astype(np.float64) @ sp.diags_array(right)
    known = sp.csr_array(observed(matrix) + again)
    back = known.T.tocsr()
    return sparse.LinearOperator(
        shape=matrix.shape,
        dtype=np.dtype(np.float64),
        matvec=lambda x: known @ x.ravel() - left * (right @ x.ravel()),
        rmatvec=lambda y: back @ y.ravel() - right * (left @ y.ravel()),
    )


def largest(operator: sp.csr_array | sparse.LinearOperator, count: int) -> Values:
    """The ``count`` largest singular values, or all but one of fewer, the largest first."""
    least = min(operator.shape)
    start = np.random.default_rng(0).standard_normal(least)
    values = sparse.svds(operator, k=min(count, least - 1), return_singular_vectors=False, v0=start)
    return np.asarray(np.sort(values)[::-1], dtype=np.float64)


def _degrees(matrix: sp.csr_array) -> tuple[Values, Values]:
    return tuple(np.asarray(matrix.sum(axis=axis), dtype=np.float64).ravel() for axis in (1, 0))


def _inverse_root(degree: Values) -> Values:
    """``d^-½``, and 0 of 0."""
    return np.where(degree > 0, np.maximum(degree, 1) ** -0.5, 0.0)
