"""What an encoder is to a training step: rows of a batch in, updates of parameters out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from fullrank import native

Pair = tuple[Tensor, Tensor]
"""Something of the users and the same of the items."""
Some = tuple[Tensor | None, Tensor | None]
"""Row numbers of both sides; None for all rows in their order."""


class TensorBatch(NamedTuple):
    """A batch on the device that trains: see `fullrank.data.sampling.Batch`."""

    user_idx: Tensor
    item_idx: Tensor
    negative_idx: Tensor | None


class Rows(NamedTuple):
    """Embeddings of a batch, leaves of the loss."""

    pair: Tensor
    """(2, B, d): users, then their positive items; one tensor, so that both sides can share every
    product of a step."""
    negative: Tensor | None
    """(B, N, d), or (1, N, d) where the pairs share them."""
    others: tuple[Tensor, ...] = ()
    """Whatever else the method's objective compares: views, whole tables."""


class Update(NamedTuple):
    """A gradient with respect to some rows of a parameter, or to all of it."""

    name: str
    rows: Tensor | None
    """(k,) row numbers, which may repeat (their gradients add up); all rows when absent."""
    grad: Tensor


@dataclass(frozen=True)
class FreeRows:
    """Tables ``user_table`` and ``item_table`` whose rows a step updates in place.

    Args:
        low_rank: Gives the low-rank part of rows ``t + u M``; the tables are all if absent.
    """

    low_rank: Callable[[], native.LowRank] | None = None


class Propagation(Protocol):
    """Rows that are propagated over a graph, with their gradients taken by hand."""

    def rows_at(self, rows: Some) -> Pair:
        """Embeddings of some rows, without autograd."""
        ...

    def updates_at(self, rows: Some, grads: Pair, batch: TensorBatch, decay: float) -> list[Update]:
        """What gradients of `rows_at` mean for the parameters: see `Encoder.updates`."""
        ...


class Encoder(ABC):
    """Turns row numbers into embeddings, and gradients of embeddings into updates."""

    @property
    def free_rows(self) -> FreeRows | None:
        """For engines that update rows in place; None where embeddings are more than rows."""
        return None

    @property
    def propagation(self) -> Propagation | None:
        """For engines that differentiate the loss themselves; None where nothing is propagated."""
        return None

    @property
    def static(self) -> bool:
        """Whether each step is the same operations, all of them on the device."""
        return False

    @property
    @abstractmethod
    def parameters(self) -> dict[str, Tensor]:
        """What is trained, by name; the optimiser writes into these tensors."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Users, items, d of the tables that `free_rows` or `propagation` are of."""
        tables = self.parameters
        return len(tables["user_table"]), *tables["item_table"].shape

    def start_epoch(self, rng: np.random.Generator, epoch: int = 0) -> None:  # noqa: B027
        """Draws what is random about the encoder, such as the edges of an epoch's graph.

        Args:
            rng: The same for this epoch of a run that was never stopped and of one that goes on.
            epoch: Number of whole epochs before it.
        """

    def read_by(self, batch: TensorBatch) -> dict[str, Tensor]:
        """The rows of each parameter that a step on ``batch`` reads; all of one that is absent."""
        rows = self.free_rows
        if rows is None or rows.low_rank is not None:
            return {}
        items = batch.item_idx
        if batch.negative_idx is not None:
            items = torch.cat((items, batch.negative_idx.flatten()))
        return {"user_table": batch.user_idx, "item_table": items}

    @abstractmethod
    def rows(self, batch: TensorBatch) -> Rows:
        """Embeddings of the batch, requiring gradients."""

    @abstractmethod
    def updates(self, batch: TensorBatch, rows: Rows, decay: float) -> list[Update]:
        """What the gradients of ``rows`` mean for the parameters, with the L2 penalty added.

        The penalty adds ``decay * row`` to the gradient of a raw row once per occurrence in the
        batch: see `penalty_shares`.
        """

    @abstractmethod
    def tables(self) -> tuple[Tensor, Tensor]:
        """(n_users, d) and (n_items, d): the embeddings that the method ranks with."""


def penalty_shares(batch: TensorBatch, decay: float) -> tuple[float, float]:
    """``decay`` of an occurrence in a pair, and of one as a negative: a pair's N count as one."""
    if batch.negative_idx is None:
        return decay, 0.0
    return decay, decay * len(batch.user_idx) / batch.negative_idx.numel()
