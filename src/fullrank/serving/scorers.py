"""What methods rank with: scores of all items for some users at a time."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Protocol, Self

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor

from fullrank import native
from fullrank.data.interactions import Interactions
from fullrank.data.weights import power, user_strength, weighted_csr
from fullrank.errors import DataError, FitError
from fullrank.serving.once import Once

Tensors = Mapping[str, Tensor]
"""What a model folder keeps of a scorer, by name."""


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

    The tables are not to change once they are here: what is made of them is kept. On the CPU that
    is a copy of the item table in the order in which the kernels read it, made at the first
    ranking, so that a scorer that has ranked takes the memory of its item table twice.

    Args:
        user_table: (n_users, d)
        item_table: (n_items, d), on the device of ``user_table``.

    Raises:
        FitError: a table holds NaN or infinity, which would rank in silence.
        DataError: the tables differ in width.
    """

    def __init__(self, user_table: Tensor, item_table: Tensor) -> None:
        _check_width(user_table, item_table)
        self.user_table = _finite(user_table, "user table")
        self.item_table = _finite(item_table, "item table")
        self._packed: Once[native.PackedItems] = Once()

    def with_users(self, user_table: Tensor) -> DotScorer:
        """The same items for other users: (n, d). What was made of the item table is shared."""
        _check_width(user_table, self.item_table)
        other = copy.copy(self)
        other.user_table = _finite(user_table, "user table")
        return other

    @property
    def n_items(self) -> int:
        """Rows of the item table."""
        return self.item_table.shape[0]

    @property
    def on_cpu(self) -> bool:
        """Whether the tables lie in the memory of the processor, each in one piece."""
        tables = (self.user_table, self.item_table)
        return all(table.device.type == "cpu" and table.is_contiguous() for table in tables)

    def packed_items(self) -> native.PackedItems:
        """The item table for `fullrank.native.top_k`, packed at the first call."""
        return self._packed.get(
            lambda: native.PackedItems(self.item_table.numpy(), torch.get_num_threads())
        )

    def scores(self, users: Tensor) -> Tensor:
        """``U_b Vᵀ``, (b, n_items) float32."""
        return self.user_table[users.to(self.user_table.device)] @ self.item_table.T

    def tensors(self) -> dict[str, Tensor]:
        """What a model folder keeps."""
        tables = {"users": self.user_table, "items": self.item_table}
        return {name: table.cpu().contiguous() for name, table in tables.items()}

    @classmethod
    def from_tensors(cls, tensors: Tensors, history: Interactions, device: str) -> Self:
        """The scorer of which `tensors` were kept."""
        del history
        return cls(tensors["users"].to(device), tensors["items"].to(device))


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

    X holds the weights of the history where it has them.

    Args:
        history: What the users have.
        weights: (n_items, n_items) float32, a dense array or a sparse matrix.
    """

    def __init__(self, history: Interactions, weights: NDArray[np.float32] | sp.csr_array) -> None:
        self.history = history
        self.weights = weights
        self._history = weighted_csr(history)

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

    def tensors(self) -> dict[str, Tensor]:
        """What a model folder keeps."""
        if sp.issparse(self.weights):
            return _csr_tensors("weights", self.weights)
        return {"weights": torch.from_numpy(self.weights)}

    @classmethod
    def from_tensors(cls, tensors: Tensors, history: Interactions, device: str) -> Self:
        """The scorer of which `tensors` were kept; on the CPU, whatever the device."""
        del device
        dense = tensors.get("weights")
        if dense is not None:
            return cls(history, dense.numpy())
        return cls(history, _csr("weights", tensors, history.n_items))


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
        own = power(user_strength(history), -beta)
        rows = sp.diags_array(own) @ weighted_csr(history) @ sp.diags_array(scale)
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

    def tensors(self) -> dict[str, Tensor]:
        """What a model folder keeps."""
        numbers = np.array([self.beta, self.smoothing])
        arrays = {"vectors": self.vectors, "scale": self.scale, "beta_smoothing": numbers}
        kept = {name: torch.from_numpy(np.ascontiguousarray(a)) for name, a in arrays.items()}
        return kept | _csr_tensors("matrix", self.matrix)

    @classmethod
    def from_tensors(cls, tensors: Tensors, history: Interactions, device: str) -> Self:
        """The scorer of which `tensors` were kept; on the CPU, whatever the device."""
        del device
        vectors, scale = tensors["vectors"].numpy(), tensors["scale"].numpy()
        beta, smoothing = tensors["beta_smoothing"].tolist()
        matrix = _csr("matrix", tensors, history.n_items)
        return cls(history, vectors, matrix, scale, beta, smoothing)


def _finite(table: Tensor, name: str) -> Tensor:
    finite = table.isfinite().all(dim=1)
    if not finite.all():
        row = int((~finite).nonzero()[0])
        raise FitError(f"{name}, row {row}", "NaN or infinity", "finite numbers")
    return table.detach().float()


def _check_width(user_table: Tensor, item_table: Tensor) -> None:
    if user_table.shape[1] != item_table.shape[1]:
        widths = f"rows of {user_table.shape[1]} and {item_table.shape[1]} numbers"
        raise DataError("user and item table", widths, "rows of one width")


def _csr_tensors(name: str, matrix: sp.csr_array) -> dict[str, Tensor]:
    parts = {"indptr": np.int64, "indices": np.int32, "data": np.float32}
    return {
        f"{name}.{part}": torch.from_numpy(getattr(matrix, part).astype(dtype))
        for part, dtype in parts.items()
    }


def _csr(name: str, tensors: Tensors, columns: int) -> sp.csr_array:
    parts = (tensors[f"{name}.{part}"].numpy() for part in ("data", "indices", "indptr"))
    data, indices, indptr = parts
    return sp.csr_array((data, indices, indptr), shape=(len(indptr) - 1, columns))
