"""What methods rank with: scores of all items for some users at a time."""

from __future__ import annotations

from typing import Protocol, Self

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor

from fullrank.data.interactions import Interactions
from fullrank.errors import DataError, FitError


class Scorer(Protocol):
    """What a method ranks with: a score for every item, for some users at a time."""

    @property
    def n_items(self) -> int:
        """Number of items, the width of a block of scores."""
        ...

    def scores(self, users: Tensor) -> Tensor:
        """Scores of all items for the user rows ``users`` ((b,) int64, on the CPU).

        Returns:
            (b, n_items) float32 on any device, made anew: the caller may overwrite it. An item of
            score -inf is never recommended.
        """
        ...


class DotScorer:
    """Ranks by the inner product of a user row and an item row.

    Args:
        user_table: (n_users, d)
        item_table: (n_items, d), on the device of ``user_table``.

    Raises:
        FitError: a table holds NaN or infinity, which would rank in silence.
        DataError: the tables differ in width.
    """

    def __init__(self, user_table: Tensor, item_table: Tensor) -> None:
        if user_table.shape[1] != item_table.shape[1]:
            widths = f"rows of {user_table.shape[1]} and {item_table.shape[1]} numbers"
            raise DataError("user and item table", widths, "rows of one width")
        self.user_table = _finite(user_table, "user table")
        self.item_table = _finite(item_table, "item table")

    @property
    def n_items(self) -> int:
        """Rows of the item table."""
        return self.item_table.shape[0]

    @property
    def on_cpu(self) -> bool:
        """Whether the tables lie in the memory of the processor, each in one piece."""
        tables = (self.user_table, self.item_table)
        return all(table.device.type == "cpu" and table.is_contiguous() for table in tables)

    def scores(self, users: Tensor) -> Tensor:
        """``U_b Vᵀ``, (b, n_items) float32."""
        return self.user_table[users.to(self.user_table.device)] @ self.item_table.T


class HistoryScorer(Scorer, Protocol):
    """Ranks by what users have, so anybody's history will do."""

    @property
    def n_weights(self) -> int:
        """Numbers that the model keeps."""
        ...

    def of(self, history: Interactions) -> Self:
        """The same model for other users."""
        ...


class ItemScorer:
    """Ranks by the sum of the weights from the items that a user has to each item, ``X B``.

    Args:
        history: What the users have.
        weights: (n_items, n_items) float32, a dense array or a sparse matrix.
    """

    def __init__(self, history: Interactions, weights: NDArray[np.float32] | sp.csr_array) -> None:
        self.history = history
        self.weights = weights
        self._history = history.csr()

    @property
    def n_items(self) -> int:
        """Columns of the weights."""
        return int(self.weights.shape[1])

    @property
    def n_weights(self) -> int:
        """Weights that are kept."""
        return int(self.weights.size)

    def scores(self, users: Tensor) -> Tensor:
        """``X_b B``, (b, n_items) float32."""
        product = self._history[users.numpy()] @ self.weights
        dense = product.toarray() if sp.issparse(product) else np.asarray(product)
        return torch.from_numpy(dense)

    def of(self, history: Interactions) -> Self:
        """The same weights for other users."""
        return type(self)(history, self.weights)


class SpectralScorer:
    """Ranks by ``r_u (V Vᵀ + γ RᵀR)`` of normalised histories ``r_u = d_u^-β x_u D_i^-β``.

    Args:
        history: What the users have.
        vectors: (n_items, r) float32, V.
        matrix: (n, n_items) float32, the normalised interactions R of training.
        scale: (n_items,) float32, ``d_i^-β``.
        beta: β, of the users' degrees.
        smoothing: γ.
    """

    def __init__(
        self,
        history: Interactions,
        vectors: NDArray[np.float32],
        matrix: sp.csr_array,
        scale: NDArray[np.float32],
        beta: float,
        smoothing: float,
    ) -> None:
        self.vectors = vectors
        self.matrix = matrix
        self.scale = scale
        self.beta = beta
        self.smoothing = smoothing
        own = np.maximum(history.user_degree, 1.0) ** -beta
        rows = sp.diags_array(own) @ history.csr() @ sp.diags_array(scale)
        self._rows = sp.csr_array(rows).astype(np.float32)

    @property
    def n_items(self) -> int:
        """Rows of V."""
        return len(self.vectors)

    @property
    def n_weights(self) -> int:
        """Entries of V and of R."""
        return int(self.vectors.size + self.matrix.nnz)

    def of(self, history: Interactions) -> Self:
        """The same model for other users."""
        parts = self.vectors, self.matrix, self.scale, self.beta, self.smoothing
        return type(self)(history, *parts)

    def scores(self, users: Tensor) -> Tensor:
        """See the class, (b, n_items) float32."""
        rows = self._rows[users.numpy()]
        smooth = (rows @ self.vectors) @ self.vectors.T
        if self.smoothing:
            smooth += self.smoothing * ((rows @ self.matrix.T) @ self.matrix).toarray()
        return torch.from_numpy(smooth)


def _finite(table: Tensor, name: str) -> Tensor:
    finite = table.isfinite().all(dim=1)
    if not finite.all():
        row = int((~finite).nonzero()[0])
        raise FitError(f"{name}, row {row}", "NaN or infinity", "finite numbers")
    return table.detach().float()
