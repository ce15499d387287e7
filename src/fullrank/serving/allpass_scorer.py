"""The scorer of the all-pass filter in closed form: levelled singular pairs and one exact hop."""

from __future__ import annotations

from typing import Any, NamedTuple, Self

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

DENSE_BYTES = 2**26
"""Bytes of a block of users × users; a larger one is kept sparse, which takes twice the time."""


class Filter(NamedTuple):
    """``hop · RᵀR + w · V S^(p-1) Vᵀ``, what a normalised history is multiplied with."""

    exponent: float
    """e, of the degrees."""
    power: float
    """p of the singular values: 1 projects, 0 levels them."""
    weight: float
    """w of the levelled pairs."""
    hop: float
    """Weight of the exact hop."""


class AllPassScorer(OfHistory):
    """Ranks by ``r_u (hop · RᵀR + w · V S^(p-1) Vᵀ)`` of histories ``r_u = d_u^-e x_u D_i^-e``.

    For the users of R this is ``hop · R RᵀR + w · U Sᵖ Vᵀ``, as ``R V = U S``; a new user needs no
    more than a history. Pairs whose singular value is zero stay zero, whatever p is.

    Args:
        history: What the users have.
        vectors: (n_items, k) float32, V.
        values: (k,) float64, S.
        matrix: (n, n_items) float32, the normalised interactions R of training.
        scale: (n_items,) float32, ``d_i^-e``.
        filter: e, p, w and the weight of the hop.

    Raises:
        FitError: a number is NaN or infinity, or a score could exceed float32.
    """

    parts = "singular pairs and interactions of the model"

    def __init__(
        self,
        history: Interactions,
        vectors: NDArray[np.float32],
        values: NDArray[np.float64],
        matrix: sp.csr_array,
        scale: NDArray[np.float32],
        filter: Filter,  # noqa: A002  # the word of the field
    ) -> None:
        self.vectors, self.values = vectors, values
        self.matrix, self.scale, self.filter = matrix, scale, filter
        self.metadata: dict[str, Any] = {}
        """Of how the singular pairs were found, for the metadata of training."""
        self._across = sp.csr_array(matrix.T)
        self._gain = (self._levelled(filter.power - 1) * filter.weight).astype(np.float32)
        hop = filter.hop * matrix.shape[0] * largest(matrix.data) ** 2
        projected = vectors.shape[1] * largest(vectors) ** 2 * largest(self._gain)
        self._largest = largest(scale) * (projected + hop)
        self._use(history)

    def _take(self, history: Interactions) -> None:
        self._rows = normalised(history, self.filter.exponent, self.scale)

    def _levelled(self, exponent: float) -> NDArray[np.float64]:
        """(k,) S to that power; zero where S is zero, which no filter of it can raise."""
        there = self.values > 0
        raised: NDArray[np.float64] = np.where(there, self.values, 1.0) ** exponent * there
        return raised

    @property
    def n_weights(self) -> int:
        """Entries of V, S and R."""
        return int(self.vectors.size + self.values.size + self.matrix.nnz)

    @property
    def user_table(self) -> Tensor:
        """(n_users, k) ``U S^(p/2)``: embeddings whose products are ``U Sᵖ Vᵀ``; made anew."""
        return torch.from_numpy(self._rows @ self._scaled(self.filter.power / 2 - 1))

    @property
    def item_table(self) -> Tensor:
        """(n_items, k) ``V S^(p/2)``; made anew."""
        return torch.from_numpy(self._scaled(self.filter.power / 2))

    @property
    def spectrum(self) -> Tensor:
        """(k,) the singular values ``√2 s^(p/2)`` of the training users' and items' embeddings."""
        return torch.from_numpy(self._levelled(self.filter.power / 2) * np.sqrt(2))

    def _scaled(self, exponent: float) -> NDArray[np.float32]:
        return self.vectors * self._levelled(exponent).astype(np.float32)

    def _scores(self, users: Tensor) -> Tensor:
        rows = self._rows[users.numpy()]
        # NumPy's product gives the same bits wherever V lies in memory, so saved equals loaded.
        scores = ((rows @ self.vectors) * self._gain) @ self.vectors.T
        if self.filter.hop:
            scores += np.float32(self.filter.hop) * self._hop(rows)
        return torch.from_numpy(scores)

    def _hop(self, rows: sp.csr_array) -> NDArray[np.float32]:
        """``r_u RᵀR``, (b, n_items), by two products.

        A sparse ``RᵀR`` is no faster and takes fifty times the memory of R on Gowalla.
        """
        common = rows @ self._across
        if 4 * common.shape[0] * common.shape[1] <= DENSE_BYTES:
            hop: NDArray[np.float32] = common.toarray() @ self.matrix
            return hop
        sparse: NDArray[np.float32] = (common @ self.matrix).toarray()
        return sparse

    def _tensors(self) -> dict[str, Tensor]:
        numbers = np.array(self.filter, dtype=np.float64)
        return kept(
            self.matrix,
            factors=self.vectors,
            singular_values=self.values,
            scale=self.scale,
            filter=numbers,
        )

    @classmethod
    def _from_tensors(cls, tensors: Tensors, history: Interactions) -> Self:
        n = history.n_items
        vectors = tensor(tensors, "factors", torch.float32, (n, None)).numpy()
        values = tensor(tensors, "singular_values", torch.float64, (vectors.shape[1],)).numpy()
        scale = tensor(tensors, "scale", torch.float32, (n,)).numpy()
        numbers = tensor(tensors, "filter", torch.float64, (4,)).tolist()
        if not (np.isfinite(values).all() and (values >= 0).all()):
            found = "a negative one, NaN or infinity"
            raise DataError("tables of the model, singular_values", found, "numbers of 0 or more")
        if not all(0 <= each < np.inf for each in numbers) or numbers[0] > 1:
            found = f"exponent, power, weight and hop {numbers}"
            raise DataError("tables of the model", found, "0 to 1, and three numbers of 0 or more")
        matrix = csr(tensors, "matrix", None, n)
        return cls(history, vectors, values, matrix, scale, Filter(*numbers))
