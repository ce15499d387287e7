"""Least squares in turn: the rows of one side that minimise a loss over all pairs, by the other's.

The loss of tables X and Y with confidences c, 1 for a pair that was not observed, and the matrix P
of ones for observed pairs and zeros for others::

    Σ_ui c_ui (P_ui - x_u·y_i)² + Σ_u λ_u ‖x_u‖² + Σ_i λ_i ‖y_i‖²

Given Y, the best row x_u solves a linear system (Hu et al., ICDM 2008, equation 4). Rows are solved
in the basis in which YᵀY is diagonal: an observed pair is then all that makes the system other than
diagonal, and a row of n pairs needs n unknowns, where that is fewer than the d of the system. X and
Y may be turned alike as often as one likes: their products are the same.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor

from fullrank import native
from fullrank.data.interactions import Interactions
from fullrank.native.least_squares import WIDTH

FLOOR = 2.0**-23
"""Share of the largest eigenvalue that others count as at least: below it lies the rounding of
float32, which a small divisor would raise."""
GRAM_ROWS = 2**14
"""Rows of a table that are turned to float64 at a time, where torch sums."""
NUMBERS = 2**22
"""Of the systems that torch solves at a time."""


class WholeLoss(NamedTuple):
    """The loss: what the confidences and the penalties of rows are."""

    confidence: float
    """α: a pair of weight w has the confidence 1 + α w."""
    regularization: float
    """λ"""
    exponent: float
    """ν: a row with confidences c has the penalty ``λ (Σ c)^ν``."""

    def above_one(self, data: Interactions) -> sp.csr_array:
        """(n_users, n_items) float32: α w of each observed pair, by which its confidence exceeds 1.

        w is 1 without weights.
        """
        matrix = data.csr()
        weight = matrix.data if data.weight is None else data.weight
        extra = np.minimum(self.confidence * weight.astype(np.float64), np.finfo(np.float32).max)
        matrix.data = extra.astype(np.float32)
        return matrix

    def penalties(self, pairs: Observed, n_others: int) -> NDArray[np.float64]:
        """(n,) of each row, by its confidences over all ``n_others`` rows of the other side."""
        rows = np.repeat(np.arange(len(pairs.order)), np.diff(pairs.indptr))
        extra = np.bincount(rows, weights=pairs.extra, minlength=len(pairs.order))
        penalty = self.regularization * (extra + n_others) ** self.exponent
        return penalty.astype(np.float64)


class Observed(NamedTuple):
    """The observed pairs of one side, row by row."""

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    extra: NDArray[np.float32]
    """Confidence above 1 of each pair, above 0."""
    order: NDArray[np.int64]
    """The rows, those with most pairs first."""

    @classmethod
    def of(cls, matrix: sp.csr_array) -> Observed:
        """Of a matrix (n, m) that holds the extra confidence of each observed pair."""
        indptr, indices = matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32)
        order = np.argsort(-np.diff(indptr), kind="stable")
        tiny = np.finfo(np.float32).tiny  # less, as zero, would be no observation at all
        extra = np.maximum(matrix.data.astype(np.float32), tiny)
        return cls(indptr, indices, extra, order)


class Basis(NamedTuple):
    """A table in the basis of the eigenvectors of its Gram matrix."""

    table: NDArray[np.float32]
    """(n, wide) rows; zeros beyond the d dimensions."""
    spectrum: NDArray[np.float32]
    """(wide,) the eigenvalues, those that would only divide noise raised; 1 beyond the d."""


def wide(table: NDArray[np.float32]) -> NDArray[np.float32]:
    """The table with columns of zeros up to a multiple of the kernels' width."""
    n, d = table.shape
    made = np.zeros((n, -(-d // WIDTH) * WIDTH), dtype=np.float32)
    made[:, :d] = table
    return made


def in_own_basis(table: NDArray[np.float32], dim: int) -> Basis:
    """``Y Q`` for ``YᵀY = Q diag(s) Qᵀ``.

    Args:
        table: (n, wide), as `wide` makes it.
        dim: Of its columns.
    """
    d, width = dim, table.shape[1]
    values, vectors = _eigenvectors(_gram(table)[:d, :d])
    basis = np.zeros((width, width), dtype=np.float32)
    basis[:d, :d] = vectors
    spectrum = np.ones(width, dtype=np.float32)
    least = max(FLOOR * float(values[-1]), float(np.finfo(np.float32).tiny))
    spectrum[:d] = np.maximum(values, least)
    return Basis(_product(table, basis), spectrum)


def least_squares_bytes(dim: int) -> int:
    """Bytes of the matrices of d × d that a sweep takes beside the tables, on one thread."""
    return (4 * 4 + 3 * 8) * dim**2


def solved(pairs: Observed, penalty: NDArray[np.float64], other: Basis) -> NDArray[np.float32]:
    """(n, wide) the rows of one side that minimise the loss, in the other's basis.

    Args:
        pairs: Observed pairs of these rows.
        penalty: (n,) λ of each.
        other: The rows of the other side.
    """
    each = np.minimum(penalty, np.finfo(np.float32).max).astype(np.float32)
    if native.available():
        arrays = pairs.indptr, pairs.indices, pairs.extra
        threads = torch.get_num_threads()
        return native.solve_rows(arrays, pairs.order, each, other.spectrum, other.table, threads)
    return _solved_by_torch(pairs, each, other.spectrum, other.table)


def _product(table: NDArray[np.float32], matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    if native.available():
        return native.rotated(table, matrix, torch.get_num_threads())
    return (torch.from_numpy(table) @ torch.from_numpy(matrix)).numpy()


def _gram(table: NDArray[np.float32]) -> NDArray[np.float64]:
    if native.available():
        return native.gram(table, torch.get_num_threads())
    d = table.shape[1]
    total = torch.zeros(d, d, dtype=torch.float64)
    for start in range(0, len(table), GRAM_ROWS):
        rows = torch.from_numpy(table[start : start + GRAM_ROWS]).double()
        total += rows.T @ rows
    return total.numpy()


def _eigenvectors(gram: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Eigenvalues and eigenvectors by one thread: with several the bits would be others."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        values, vectors = torch.linalg.eigh(torch.from_numpy(np.ascontiguousarray(gram)))
    finally:
        torch.set_num_threads(threads)
    return values.numpy(), vectors.numpy()


def _solved_by_torch(
    pairs: Observed,
    penalty: NDArray[np.float32],
    spectrum: NDArray[np.float32],
    table: NDArray[np.float32],
) -> NDArray[np.float32]:
    """The twin of the kernel: the same formulas, for rows of as many pairs at a time."""
    counts = np.diff(pairs.indptr)
    into = np.zeros((len(counts), table.shape[1]), dtype=np.float32)
    lengths, starts = np.unique(-counts[pairs.order], return_index=True)
    ends = np.append(starts[1:], len(counts))
    for length, start, end in zip(-lengths, starts, ends, strict=True):
        step = max(1, NUMBERS // max(1, length * table.shape[1]))
        for at in range(start, end if length else start, step):
            rows = pairs.order[at : min(at + step, end)]
            own = pairs.indptr[rows][:, None] + np.arange(length)
            scale = torch.from_numpy(1 / np.sqrt(spectrum + penalty[rows][:, None]))[:, None]
            extra = torch.from_numpy(pairs.extra[own])[..., None]
            v = torch.from_numpy(table[pairs.indices[own]]) * scale * extra.sqrt()
            found = _system(v.double(), ((1 + extra) / extra.sqrt()).double()).float() * scale
            into[rows] = found[:, 0].numpy()
    return into


def _system(v: Tensor, b: Tensor) -> Tensor:
    """(r, 1, d) ``Vᵀ (I + V Vᵀ)⁻¹ b`` of (r, n, d) and (r, n, 1), by the smaller system."""
    by_pairs = v.shape[1] <= v.shape[2]
    gram = v @ v.mT if by_pairs else v.mT @ v
    gram.diagonal(dim1=1, dim2=2).add_(1)
    factor, failed = torch.linalg.cholesky_ex(gram)
    factor[failed > 0] = torch.nan
    right = b if by_pairs else v.mT @ b
    found = torch.cholesky_solve(right, factor)
    return (v.mT @ found if by_pairs else found).mT
