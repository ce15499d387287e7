"""The scorer of polynomial graph filters, with a part of low rank beside them."""

from __future__ import annotations

from typing import Self

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor

from fullrank import native
from fullrank.data.interactions import Interactions
from fullrank.data.weights import weighted_csr
from fullrank.errors import DataError
from fullrank.serving.finite import largest
from fullrank.serving.of_history import OfHistory, kept
from fullrank.serving.scorers import Tensors
from fullrank.serving.stored_checks import csr, tensor

COLUMNS = 64
"""Users whose signals pass the graph at a time: their block stays in a processor's cache."""


class FilterScorer(OfHistory):
    """Ranks by ``(x_u D) Σ_k c_k T_k(2 RᵀR - I) D' + (x_u L) Gᵀ`` of histories x_u.

    T_k are Chebyshev's polynomials, so that the sum is stable at every degree for ``RᵀR`` with
    eigenvalues between 0 and 1; no item × item matrix is made. With `coefficients_of` any
    polynomial of ``RᵀR`` comes in this form.

    Args:
        history: What the users have.
        matrix: (n, n_items) float32, the normalised interactions R of training.
        coefficients: (K + 1,) float64, the c_k.
        scales: (2, n_items) float32, the diagonals of D and D'.
        low: (2, n_items, r) float32, L and G; r may be zero.

    Raises:
        FitError: a number is NaN or infinity, or a score could exceed float32.
    """

    parts = "filter of the model"

    def __init__(
        self,
        history: Interactions,
        matrix: sp.csr_array,
        coefficients: NDArray[np.float64],
        scales: NDArray[np.float32],
        low: NDArray[np.float32],
    ) -> None:
        self.matrix = matrix
        self.coefficients = coefficients
        self.scales = scales
        self.low = low
        self._hop = Hop(matrix)
        self._largest = self._bound()
        self._use(history)

    def _bound(self) -> float:
        """What no score of a history of weight 1 exceeds."""
        spectrum = max(2 * eigenvalue_bound(self.matrix, self._hop.transpose) - 1, 1.0)
        peak = float(np.polynomial.chebyshev.chebval(spectrum, np.abs(self.coefficients)))
        low = self.low.shape[2] * largest(self.low[0]) * largest(self.low[1])
        bound: float = peak * largest(self.scales[0]) * largest(self.scales[1]) + low
        return bound

    def _take(self, history: Interactions) -> None:
        self._rows = weighted_csr(history).astype(np.float32)

    @property
    def n_weights(self) -> int:
        """Entries of R, L and G."""
        return int(self.matrix.nnz + self.low.size)

    def _scores(self, users: Tensor) -> Tensor:
        rows = self._rows[users.numpy()]
        scores = np.empty(rows.shape, dtype=np.float32)
        signals = sp.csr_array(rows @ sp.diags_array(self.scales[0]))
        for start in range(0, rows.shape[0], COLUMNS):
            block = slice(start, start + COLUMNS)
            passed = self.filtered(signals[block].T.toarray())
            scores[block] = (passed * self.scales[1][:, None]).T
        if self.low.size:
            scores += (rows @ self.low[0]) @ self.low[1].T
        return torch.from_numpy(scores)

    def filtered(self, signal: NDArray[np.float32]) -> NDArray[np.float32]:
        """``Σ_k c_k T_k(2 RᵀR - I)`` times (n_items, b), by Clenshaw's recurrence."""
        c = self.coefficients.astype(np.float32)
        after: NDArray[np.float32] = np.zeros_like(signal)
        here: NDArray[np.float32] = c[-1] * signal
        if len(c) == 1:
            return here
        for each in c[-2:0:-1]:
            after, here = here, each * signal + 2 * self._shifted(here) - after
        whole: NDArray[np.float32] = c[0] * signal + self._shifted(here) - after
        return whole

    def _shifted(self, signal: NDArray[np.float32]) -> NDArray[np.float32]:
        """``(2 RᵀR - I)`` times (n_items, b)."""
        moved: NDArray[np.float32] = 2 * self._hop.of(signal) - signal
        return moved

    def _tensors(self) -> dict[str, Tensor]:
        return kept(self.matrix, coefficients=self.coefficients, scales=self.scales, low=self.low)

    @classmethod
    def _from_tensors(cls, tensors: Tensors, history: Interactions) -> Self:
        n = history.n_items
        coefficients = tensor(tensors, "coefficients", torch.float64, (None,)).numpy()
        scales = tensor(tensors, "scales", torch.float32, (2, n)).numpy()
        low = tensors.get("low")
        rank = 0 if low is not None and low.shape == (2, n, 0) else None
        parts = tensor(tensors, "low", torch.float32, (2, n, rank)).numpy()
        if not np.isfinite(coefficients).all():
            raise DataError("tables of the model", "coefficients", "finite numbers")
        return cls(history, csr(tensors, "matrix", None, n), coefficients, scales, parts)


class Hop:
    """Multiplies by ``RᵀR``, in compiled code where there is some."""

    def __init__(self, matrix: sp.csr_array) -> None:
        self.matrix = matrix
        self.transpose = sp.csr_array(matrix.T)
        self._edges = [_edges(each) for each in (matrix, self.transpose)]

    def of(self, signal: NDArray[np.float32]) -> NDArray[np.float32]:
        """``RᵀR`` times (n_items, b)."""
        if not native.available():
            product: NDArray[np.float32] = self.transpose @ (self.matrix @ signal)
            return product
        threads, (there, back) = torch.get_num_threads(), self._edges
        return back.gather(there.gather(np.ascontiguousarray(signal), threads), threads)


def _edges(matrix: sp.csr_array) -> native.Edges:
    return native.Edges(
        matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), matrix.data
    )


def eigenvalue_bound(matrix: sp.csr_array, transpose: sp.csr_array) -> float:
    """An upper bound on the eigenvalues of ``RᵀR``: ``max_i (|R|ᵀ|R| v)_i / v_i`` for v > 0.

    Source: Collatz and Wielandt's bound on the largest eigenvalue of a matrix without negative
    entries. For ``D_u^-½ X D_i^-½`` without weights the first v gives 1, which is exact.
    """
    here, back = abs(matrix), abs(transpose)
    vector = np.sqrt(np.maximum(np.diff(transpose.indptr), 1)).astype(np.float64)
    bound = np.inf
    for _ in range(4):
        following = back @ (here @ vector)
        bound = min(bound, float((following / vector).max(initial=0)))
        vector = np.maximum(following, vector.max() * 1e-6)
    return bound


def coefficients_of(powers: NDArray[np.float64]) -> NDArray[np.float64]:
    """The c_k of ``Σ_k c_k T_k(2 λ - 1) = Σ_k powers_k λ^k``.

    >>> coefficients_of(np.array([0.0, 1.0])).tolist()  # λ = (1 + (2 λ - 1)) / 2
    [0.5, 0.5]
    """
    polynomial = np.polynomial.Polynomial(powers, domain=[0, 1], window=[0, 1])
    chebyshev = polynomial.convert(kind=np.polynomial.Chebyshev, domain=[0, 1], window=[-1, 1])
    return np.asarray(chebyshev.coef, dtype=np.float64)
