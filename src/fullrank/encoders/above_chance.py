"""How many singular pairs of the interactions stand out of a random graph with the same degrees."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

STEPS, PROBES = 40, 8
"""Of Lanczos, and start vectors: an error of a few per cent in seconds."""
ROWS = 2**18
"""Rows of all start vectors together; long vectors average by themselves, and one is enough."""


def chance_edge(matrix: sp.csr_array) -> float:
    """Where the singular values of ``D_u^-½ W D_i^-½`` end if W is random with the same degrees.

    Where a pair is drawn with chance d_u d_i / m, each normalised entry has the variance 1 / m, and
    the edge is ``(√n_u + √n_i) / √m``; with weights 1 / m is Σw² / (Σw)². The largest singular
    value is 1.

    Args:
        matrix: (n_users, n_items) the weights of the interactions, 1 without weights.

    Source: Marchenko & Pastur 1967; Chung, Lu & Vu, PNAS 2003, for graphs with given degrees.
    """
    weights = matrix.data.astype(np.float64)
    one_in = weights.sum() ** 2 / np.square(weights).sum()
    rows = [np.count_nonzero(degrees) for degrees in _degrees(matrix)]
    return float(np.sqrt(rows).sum() / np.sqrt(one_in))


def pairs_above_chance(matrix: sp.csr_array, seed: int = 0) -> int:
    """How many singular values of ``D_u^-½ W D_i^-½`` are above `chance_edge`, at least 1.

    Args:
        matrix: (n_users, n_items) the weights of the interactions, 1 without weights.
        seed: Draws the start vectors of the count.
    """
    left, right = (sp.diags_array(np.where(d > 0, d, 1.0) ** -0.5) for d in _degrees(matrix))
    balanced = sp.csr_array(left @ matrix @ right)
    return max(1, round(count_above(balanced, chance_edge(matrix), seed)))


def _degrees(matrix: sp.csr_array) -> list[NDArray[np.float64]]:
    return [np.asarray(matrix.sum(axis=axis), dtype=np.float64) for axis in (1, 0)]


def count_above(matrix: sp.csr_array, edge: float, seed: int = 0, *, steps: int = STEPS) -> float:
    """About how many singular values of the matrix are above ``edge``.

    Stochastic Lanczos quadrature: the trace of a function of the Gram matrix is estimated by its
    quadratic forms at random vectors of signs, each by the quadrature that Lanczos' method gives.

    Source: Ubaru, Chen & Saad, SIAM J. Matrix Anal. Appl. 38(4), 2017.
    """
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else sp.csr_array(matrix.T)
    tall, n = sp.csr_array(wide.T), wide.shape[0]
    steps, probes = min(steps, n), max(1, min(PROBES, ROWS // n))
    rng = np.random.default_rng(seed)
    vectors = rng.choice([-1.0, 1.0], size=(n, probes)) / np.sqrt(n)
    basis = np.empty((steps, n, probes))
    diagonal, beside = np.empty((steps, probes)), np.empty((steps, probes))
    for step in range(steps):
        basis[step] = vectors
        product = wide @ (tall @ vectors)
        diagonal[step] = (product * vectors).sum(axis=0)
        for _ in range(2):
            known = basis[: step + 1]
            inner = (known * product).sum(axis=1)
            product -= np.einsum("snp,sp->np", known, inner)
        beside[step] = np.linalg.norm(product, axis=0)
        vectors = product / np.where(beside[step] > 1e-12, beside[step], np.inf)
    forms = [_form(diagonal[:, at], beside[:-1, at], edge**2) for at in range(probes)]
    return n * float(np.mean(forms))


def _form(diagonal: NDArray[np.float64], beside: NDArray[np.float64], edge: float) -> float:
    """``zᵀ 1[A > edge] z`` of a unit vector z, from its tridiagonal matrix."""
    values, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1))
    return float(np.square(vectors[0, values > edge]).sum())
