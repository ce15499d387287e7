"""What an encoder is to the training loop: rows of a batch in, updates of parameters out."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from torch import Tensor


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


class Encoder(Protocol):
    """Turns row numbers into embeddings, and gradients of embeddings into updates."""

    @property
    def parameters(self) -> dict[str, Tensor]:
        """What is trained, by name; the optimiser writes into these tensors."""
        ...

    def start_epoch(self, rng: np.random.Generator) -> None:
        """Draws what is random about the encoder, such as the edges of an epoch's graph."""
        ...

    def rows(self, batch: TensorBatch) -> Rows:
        """Embeddings of the batch, requiring gradients."""
        ...

    def updates(self, batch: TensorBatch, rows: Rows, decay: float) -> list[Update]:
        """What the gradients of ``rows`` mean for the parameters.

        ``decay`` times the raw row is added for each time that the batch has it; the negatives of a
        batch count as much as its pairs.
        """
        ...

    def tables(self) -> tuple[Tensor, Tensor]:
        """(n_users, d) and (n_items, d): the embeddings that the method ranks with."""
        ...
