"""What methods rank with: scores of all items for some users at a time."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Protocol, Self

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor

from fullrank import native
from fullrank.data.interactions import Interactions
from fullrank.data.weights import weighted_csr
from fullrank.errors import DataError
from fullrank.serving.finite import check_products, finite_table, largest
from fullrank.serving.once import Once
from fullrank.serving.stored_checks import csr, csr_tensors, tensor
from fullrank.serving.weighed import Weighed

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
        FitError: a table holds NaN or infinity, or their products could exceed float32: both would
            rank in silence.
        DataError: the tables differ in width.
    """

    def __init__(self, user_table: Tensor, item_table: Tensor) -> None:
        _check_width(user_table, item_table)
        self.user_table = finite_table(user_table, "user table")
        self.item_table = finite_table(item_table, "item table")
        check_products(self.user_table, self.item_table)
        self.metadata: dict[str, Any] = {}
        """Of how the tables were found, for the metadata of training."""
        self.before: Tensor | None = None
        """The item table before factors, where they are the items' own and can be others."""
        self._packed: Once[native.PackedItems] = Once()

    def with_users(self, user_table: Tensor) -> DotScorer:
        """The same items for other users: (n, d). What was made of the item table is shared."""
        _check_width(user_table, self.item_table)
        other = copy.copy(self)
        other.user_table = finite_table(user_table, "user table")
        check_products(other.user_table, other.item_table)
        return other

    @property
    def n_users(self) -> int:
        """Rows of the user table."""
        return self.user_table.shape[0]

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

    def use_packed(self, packed: native.PackedItems) -> None:
        """Takes a packed copy of the item table that is there already, of the same numbers."""
        self._packed = Once.of(packed)

    def scores(self, users: Tensor) -> Tensor:
        """``U_b Vᵀ``, (b, n_items) float32."""
        return self.user_table[users.to(self.user_table.device)] @ self.item_table.T

    def tensors(self) -> dict[str, Tensor]:
        """What a model folder keeps."""
        tables = {"users": self.user_table, "items": self.item_table}
        return {name: table.cpu().contiguous() for name, table in tables.items()}

    @classmethod
    def from_tensors(cls, tensors: Tensors, history: Interactions) -> Self:
        """The scorer of which `tensors` were kept.

        Raises:
            DataError: they are not as many rows as ``history`` has users and items.
        """
        sizes = {"users": history.n_users, "items": history.n_items}
        return cls(*(tensor(tensors, name, torch.float32, (n, None)) for name, n in sizes.items()))


class HistoryScorer(Scorer, Protocol):
    """Ranks by what users have, so anybody's history will do."""

    @property
    def n_weights(self) -> int:
        """Numbers that the model keeps."""
        ...

    def of(self, history: Interactions) -> Self:
        """The same model for other users."""
        ...


class ItemScorer(Weighed):
    """Ranks by the sum of the weights from the items that a user has to each item, ``X B``.

    X holds the weights of the history where it has them.

    Args:
        history: What the users have.
        weights: (n_items, n_items) float32, a dense array or a sparse matrix.

    Raises:
        FitError: a weight is NaN or infinity, or the sum of a user's could exceed float32.
    """

    parts = "weights from item to item"

    def __init__(self, history: Interactions, weights: NDArray[np.float32] | sp.csr_array) -> None:
        self.weights = weights
        self.metadata: dict[str, Any] = {}
        """Of how the weights were found, for the metadata of training."""
        self._largest = largest(weights.data if sp.issparse(weights) else weights)
        self._use(history)

    def _take(self, history: Interactions) -> None:
        self.history = history
        self._history = weighted_csr(history)

    @property
    def n_users(self) -> int:
        """Users of the history."""
        return self.history.n_users

    @property
    def n_items(self) -> int:
        """Columns of the weights."""
        return int(self.weights.shape[1])

    @property
    def n_weights(self) -> int:
        """Weights that are kept."""
        return int(self.weights.size)

    def _scores(self, users: Tensor) -> Tensor:
        product = self._history[users.numpy()] @ self.weights
        dense = product.toarray() if sp.issparse(product) else np.asarray(product)
        return torch.from_numpy(dense)

    def by_history(self, user: int) -> Tensor:
        """(h, n_items) what each item of a user's history adds to the scores."""
        alone = copy.copy(self)
        entries = slice(*self._history.indptr[user : user + 2])
        data, items = self._history.data[entries], self._history.indices[entries]
        shape = (len(data), self._history.shape[1])
        alone._history = sp.csr_array((data, items, np.arange(len(data) + 1)), shape=shape)
        return alone.scores(torch.arange(len(data)))

    def _tensors(self) -> dict[str, Tensor]:
        if sp.issparse(self.weights):
            return csr_tensors("weights", self.weights)
        return {"weights": torch.from_numpy(self.weights)}

    @classmethod
    def _from_tensors(cls, tensors: Tensors, history: Interactions) -> Self:
        n = history.n_items
        if "weights" in tensors:
            return cls(history, tensor(tensors, "weights", torch.float32, (n, n)).numpy())
        return cls(history, csr(tensors, "weights", n, n))


def _check_width(user_table: Tensor, item_table: Tensor) -> None:
    if user_table.shape[1] != item_table.shape[1]:
        widths = f"rows of {user_table.shape[1]} and {item_table.shape[1]} numbers"
        raise DataError("user and item table", widths, "rows of one width")
