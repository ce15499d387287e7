"""Ranks by inner products of rows that least squares gave, which it gives new users as well."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fullrank.data.interactions import Interactions
from fullrank.encoders import Basis, Observed, Turn, WholeLoss, eigenbasis, solved, wide
from fullrank.errors import DataError
from fullrank.serving.once import Once
from fullrank.serving.scorers import DotScorer, Tensors
from fullrank.serving.stored_checks import tensor

LOSS = "least_squares"
"""Name of the tensor in a model folder with the numbers of the loss, and whether weights count."""


class LeastSquaresScorer(DotScorer):
    """A `DotScorer` that solves for the rows of users who were not in training.

    Args:
        user_table: (n_users, d)
        item_table: (n_items, d)
        loss: What the rows minimise.
        weighted: Whether the weights of new users' pairs count, as those of training did.
    """

    def __init__(
        self, user_table: Tensor, item_table: Tensor, loss: WholeLoss, *, weighted: bool
    ) -> None:
        super().__init__(user_table, item_table)
        self.loss, self.weighted = loss, weighted
        self.metadata: dict[str, Any] = {}
        """Of how the rows were found, for the metadata of training."""
        self._turn: Once[Turn] = Once()

    def folded(self, new: Interactions) -> DotScorer:
        """The same items for new users, whose rows minimise the loss; zero for one without items.

        At the cost of the new users' items, but for one Gram matrix of all items at the first call.
        """
        turn = self._turn.get(lambda: eigenbasis(self._wide_items(), self.item_table.shape[1]))
        pairs = Observed.of(self.loss.above_one(new, weighted=self.weighted))
        distinct, at = np.unique(pairs.indices, return_inverse=True)
        rows = self.item_table[torch.from_numpy(distinct.astype(np.int64)).to(self._device)]
        basis = Basis(turn.of(wide(rows.cpu().numpy())), turn.spectrum)
        penalties = self.loss.penalties(pairs, self.n_items)
        found = turn.back(solved(pairs._replace(indices=at.astype(np.int32)), penalties, basis))
        users = np.ascontiguousarray(found[:, : self.item_table.shape[1]])
        return self.with_users(torch.from_numpy(users).to(self._device))

    @property
    def _device(self) -> torch.device:
        return self.item_table.device

    def _wide_items(self) -> NDArray[np.float32]:
        return wide(self.item_table.cpu().numpy())

    def tensors(self) -> dict[str, Tensor]:
        """What a model folder keeps."""
        numbers = torch.tensor([*self.loss, self.weighted], dtype=torch.float64)
        return super().tensors() | {LOSS: numbers}

    @classmethod
    def from_tensors(cls, tensors: Tensors, history: Interactions, device: str) -> Self:
        """The scorer of which `tensors` were kept.

        Raises:
            DataError: they are not the rows of the users and items, or not the numbers of a loss.
        """
        plain = DotScorer.from_tensors(tensors, history, device)
        *numbers, weighted = tensor(tensors, LOSS, torch.float64, (4,)).tolist()
        if not all(0 <= each < 2**127 for each in numbers) or numbers[0] == 0 or numbers[2] > 1:
            found = f"confidence, regularization and exponent {numbers}"
            expected = "one above 0, one of 0 or more, and 0 to 1"
            raise DataError(f"tables of the model, tensor {LOSS}", found, expected)
        loss = WholeLoss(*numbers)
        return cls(plain.user_table, plain.item_table, loss, weighted=weighted != 0)
