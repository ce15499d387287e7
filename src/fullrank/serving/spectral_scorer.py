"""The scorer of truncated spectral filters with one exact hop."""

from __future__ import annotations

from typing import Self

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor

from fullrank.data.interactions import Interactions
from fullrank.errors import DataError
from fullrank.serving.finite import largest
from fullrank.serving.of_history import OfHistory, kept, normalised
from fullrank.serving.scorers import Tensors
from fullrank.serving.stored_checks import csr, tensor


class SpectralScorer(OfHistory):
    """Ranks by ``r_u (V Vᵀ + γ RᵀR)`` of normalised histories ``r_u = d_u^-β x_u D_i^-β``.

    With ``restore``, items' degrees are taken out of the input of the projection alone, and put
    back after it: ``d_u^-β x_u (D_i^-β V Vᵀ D_i^β + γ RᵀR)``.

    Args:
        history: What the users have.
        vectors: (n_items, r) float32, V.
        matrix: (n, n_items) float32, the normalised interactions R of training.
        scale: (n_items,) float32, ``d_i^-β``.
        beta: β, of the users' degrees.
        smoothing: γ.
        restore: Whether items' degrees are put back after the projection.

    Raises:
        FitError: a number is NaN or infinity, or a score could exceed float32.
    """

    def __init__(
        self,
        history: Interactions,
        vectors: NDArray[np.float32],
        matrix: sp.csr_array,
        scale: NDArray[np.float32],
        beta: float,
        smoothing: float,
        restore: bool = False,
    ) -> None:
        self.vectors = vectors
        self.matrix = matrix
        self.scale = scale
        self.beta = beta
        self.smoothing = smoothing
        self.restore = restore
        hop = smoothing * matrix.shape[0] * largest(matrix.data) ** 2
        projected = vectors.shape[1] * largest(vectors) ** 2
        if restore:
            projected /= min(float(scale.min(initial=1)), 1.0)
        self._largest = largest(scale) * (projected + hop)
        self._use(history)

    def _take(self, history: Interactions) -> None:
        self._rows = normalised(history, self.beta, self.scale)

    @property
    def n_weights(self) -> int:
        """Entries of V and of R."""
        return int(self.vectors.size + self.matrix.nnz)

    def _scores(self, users: Tensor) -> Tensor:
        rows = self._rows[users.numpy()]
        smooth = (rows @ self.vectors) @ self.vectors.T
        if self.restore:
            smooth /= self.scale
            rows = rows @ sp.diags_array(1 / self.scale)
        if self.smoothing:
            smooth += self.smoothing * ((rows @ self.matrix.T) @ self.matrix).toarray()
        return torch.from_numpy(smooth)

    def _tensors(self) -> dict[str, Tensor]:
        numbers = np.array([self.beta, self.smoothing, *[1.0] * self.restore])
        return kept(self.matrix, vectors=self.vectors, scale=self.scale, beta_smoothing=numbers)

    @classmethod
    def _from_tensors(cls, tensors: Tensors, history: Interactions) -> Self:
        n = history.n_items
        vectors = tensor(tensors, "vectors", torch.float32, (n, None)).numpy()
        scale = tensor(tensors, "scale", torch.float32, (n,)).numpy()
        numbers = tensor(tensors, "beta_smoothing", torch.float64, (None,)).tolist()
        if len(numbers) not in (2, 3) or not (0 <= numbers[0] <= 1 and 0 <= numbers[1] < np.inf):
            found = f"beta and smoothing {numbers}"
            raise DataError("tables of the model", found, "0 to 1, and a number of 0 or more")
        beta, smoothing, *restore = numbers
        matrix = csr(tensors, "matrix", None, n)
        return cls(history, vectors, matrix, scale, beta, smoothing, bool(restore))
