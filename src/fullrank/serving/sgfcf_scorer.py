"""The scorer of SGFCF: a spectral filter with its own exponent for each user and each item."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor

from fullrank.data.interactions import Interactions
from fullrank.data.weights import weighted_csr
from fullrank.errors import DataError
from fullrank.serving.finite import largest
from fullrank.serving.of_history import OfHistory, kept, one_each
from fullrank.serving.scorers import Tensors
from fullrank.serving.stored_checks import csr, tensor

CELLS = 2**22
"""Pairs of columns that are held at a time while common rows are counted."""
SMALLEST = 1e-6
"""Row sums below this share of the row's absolute sum divide as if they were it."""


class IndividualScorer(OfHistory):
    """Ranks by ``N(r_u V S^(β_u - 1) Gᵀ) + γ N(r_u RᵀR)`` of histories ``r_u = x_u D``.

    N divides a row by its sum, so the normalisation of users cancels. β_u runs from ``low`` to
    ``high`` with the user's homophily: the share of the pairs of the user's items that have another
    user in common.

    Args:
        history: What the users have.
        matrix: (n, n_items) float32, the normalised interactions R of training.
        vectors: (n_items, k) float32, V.
        items: (n_items, k) float32, ``G = V S^β_i``.
        values: (k,) float64 singular values S, the largest 1.
        scale: (n_items,) float32, the diagonal of D.
        exponents: (5,) float64: low and high, the homophilies that they belong to, γ.

    Raises:
        FitError: a number is NaN or infinity, or a score could exceed float32.
    """

    def __init__(
        self,
        history: Interactions,
        matrix: sp.csr_array,
        vectors: NDArray[np.float32],
        items: NDArray[np.float32],
        values: NDArray[np.float64],
        scale: NDArray[np.float32],
        exponents: NDArray[np.float64],
    ) -> None:
        self.matrix = matrix
        self.vectors = vectors
        self.items = items
        self.values = values
        self.scale = scale
        self.exponents = exponents
        gain = float((values ** (min(exponents[0], exponents[1], 1.0) - 1)).max(initial=0))
        hop = matrix.shape[0] * largest(matrix.data) ** 2
        rows = vectors.shape[1] * largest(vectors) * largest(items) * gain
        self._largest = largest(scale) * (rows + hop)
        columns = sp.csr_array(matrix.T)
        ones = np.ones_like(columns.data)
        self._shared = sp.csr_array((ones, columns.indices, columns.indptr), shape=columns.shape)
        self._known = 1  # the first histories are those of training: each meets itself in R
        self._use(history)
        self._known = 0

    def _take(self, history: Interactions) -> None:
        self._rows = sp.csr_array(weighted_csr(history) @ sp.diags_array(self.scale))
        low, high, least, greatest, _ = self.exponents
        self._betas = np.full(history.n_users, low)
        if high != low:
            share = homophily(history.indptr, history.item_idx, self._shared, self._known)
            position = (share - least) / max(greatest - least, np.finfo(np.float64).tiny)
            self._betas = low + (high - low) * position.clip(0, 1)

    @property
    def n_weights(self) -> int:
        """Entries of V, G and R."""
        return int(self.vectors.size + self.items.size + self.matrix.nnz)

    def _scores(self, users: Tensor) -> Tensor:
        rows = self._rows[users.numpy()].astype(np.float32)
        exponents = self._betas[users.numpy()][:, None] - 1
        spectrum = (rows @ self.vectors) * (self.values**exponents).astype(np.float32)
        scores = _unit_sum(spectrum @ self.items.T)
        gamma = np.float32(self.exponents[4])
        if gamma:
            scores += gamma * _unit_sum(((rows @ self.matrix.T) @ self.matrix).toarray())
        return torch.from_numpy(scores)

    def by_history(self, user: int) -> Tensor:
        """(h, n_items) what each item of a user's history adds, the sums that divide as they are.

        The exponent is the whole history's too.
        """
        whole, rows = self._rows[[user]].astype(np.float32), one_each(self._rows, user)
        rows = rows.astype(np.float32)
        powers = (self.values ** (self._betas[user] - 1)).astype(np.float32)
        spectral = (rows @ self.vectors * powers) @ self.items.T
        added = spectral / _divisors((whole @ self.vectors * powers) @ self.items.T)
        if gamma := np.float32(self.exponents[4]):
            hop = ((whole @ self.matrix.T) @ self.matrix).toarray()
            added += gamma * ((rows @ self.matrix.T) @ self.matrix).toarray() / _divisors(hop)
        return self._weighed(torch.from_numpy(added))

    def _tensors(self) -> dict[str, Tensor]:
        return kept(
            self.matrix,
            sgfcf_vectors=self.vectors,
            sgfcf_items=self.items,
            values=self.values,
            scale=self.scale,
            exponents=self.exponents,
        )

    @classmethod
    def _from_tensors(cls, tensors: Tensors, history: Interactions) -> Self:
        n = history.n_items
        vectors = tensor(tensors, "sgfcf_vectors", torch.float32, (n, None)).numpy()
        items = tensor(tensors, "sgfcf_items", torch.float32, vectors.shape).numpy()
        values = tensor(tensors, "values", torch.float64, (vectors.shape[1],)).numpy()
        scale = tensor(tensors, "scale", torch.float32, (n,)).numpy()
        exponents = tensor(tensors, "exponents", torch.float64, (5,)).numpy()
        if not (np.isfinite(exponents).all() and (values > 0).all()):
            raise DataError("tables of the model", "exponents or values", "finite numbers above 0")
        matrix = csr(tensors, "matrix", None, n)
        return cls(history, matrix, vectors, items, values, scale, exponents)


def homophily(
    indptr: NDArray[np.integer[Any]],
    columns: NDArray[np.integer[Any]],
    shared: sp.csr_array,
    others: int,
) -> NDArray[np.float64]:
    """(n,) the share of the pairs of each row's columns that have a row in common.

    Args:
        indptr: Start of each row's columns, (n + 1,).
        columns: The columns of the rows.
        shared: (n_columns, n) which rows have a column.
        others: How many common rows do not count: 1 where the row itself is among ``shared``.

    Source: SGFCF, Peng et al., KDD 2024, section 4.2 (neighbours at distance two).
    """
    sizes = np.diff(indptr)
    used, places = np.unique(columns, return_inverse=True)
    rows = sp.csr_array((np.ones(len(columns), bool), places, indptr), (len(sizes), len(used)))
    shared, met = shared[used], np.zeros(len(sizes), np.int64)
    step = max(1, CELLS // max(len(used), 1))
    for start in range(0, len(used), step):
        common = shared[start : start + step] @ shared.T
        common.data = common.data > others
        near = common.toarray()
        np.fill_diagonal(near[:, start:], val=False)
        part = rows[:, start : start + step]
        for row in np.flatnonzero(np.diff(part.indptr)):
            own = part.indices[part.indptr[row] : part.indptr[row + 1]]
            all_own = places[indptr[row] : indptr[row + 1]]
            met[row] += np.count_nonzero(near[own[:, None], all_own])
    shares: NDArray[np.float64] = met / np.maximum(sizes * (sizes - 1.0), 1.0)
    return shares


def _unit_sum(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows divided by the size of their sum; as they are where all is zero."""
    divided: NDArray[np.float32] = np.divide(rows, _divisors(rows))
    return divided


def _divisors(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """(b, 1) the sizes of the sums of rows; 1 where all is zero."""
    sums = np.abs(rows.sum(axis=1, dtype=np.float64))
    least = SMALLEST * np.abs(rows).sum(axis=1, dtype=np.float64)
    sums = np.maximum(sums, least)
    divisors: NDArray[np.float32] = np.where(sums > 0, sums, 1).astype(np.float32)
    return divisors[:, None]
