"""Rows with what their users' lists ask of an item: the score at which it enters the first K."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from fullrank.encoders.base import Encoder, Rows, TensorBatch, Update
from fullrank.spectrum.rows import unit_rows

BLOCK = 2**25
"""Scores that are made at a time."""


@torch.no_grad()
def kth_best(users: Tensor, items: Tensor, k: int) -> Tensor:
    """(n_users,) the k-th highest cosine of each user with any item, its own included.

    Shapes: ``users`` (n_users, d), ``items`` (n_items, d), k at most n_items.
    """
    users, items = unit_rows(users), unit_rows(items)
    size = max(BLOCK // len(items), 1)
    found = [
        torch.topk(block @ items.T, k, dim=1).values[:, -1] for block in torch.split(users, size)
    ]
    return torch.cat(found)


class WithThresholds(Encoder):
    """Another encoder whose rows come with their users' thresholds, (B,), after all others.

    Thresholds are 0 at first, and found again by the rows as they are every so many epochs; in
    between they stand still. They are kept with the parameters, so that a run which goes on has
    those of one that was never stopped.

    Args:
        encoder: What is trained.
        k: Length of the lists.
        every: Epochs between two findings.
    """

    def __init__(self, encoder: Encoder, k: int, every: int) -> None:
        self.encoder = encoder
        n_users, n_items, _ = encoder.shape
        self.k, self.every = min(k, n_items), every
        device = encoder.parameters["user_table"].device
        self.thresholds = torch.zeros(n_users, 1, device=device)
        self.found_at = torch.zeros(1, 1, device=device)
        """The number of the epoch before which they were found."""

    @property
    def parameters(self) -> dict[str, Tensor]:
        """Those of the encoder, and the thresholds, which no gradient changes."""
        kept = {"thresholds": self.thresholds, "thresholds_found_at": self.found_at}
        return self.encoder.parameters | kept

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of the encoder's tables."""
        return self.encoder.shape

    def start_epoch(self, rng: np.random.Generator, epoch: int = 0) -> None:
        """Finds the thresholds where it is time."""
        self.encoder.start_epoch(rng, epoch)
        # An epoch that goes on from its middle has the thresholds of its beginning.
        if epoch and epoch % self.every == 0 and int(self.found_at) != epoch:
            self.thresholds.copy_(kth_best(*self.encoder.tables(), self.k).unsqueeze(1))
            self.found_at.fill_(epoch)

    def read_by(self, batch: TensorBatch) -> dict[str, Tensor]:
        """See `Encoder.read_by`."""
        return self.encoder.read_by(batch)

    def rows(self, batch: TensorBatch) -> Rows:
        """The encoder's, with the thresholds of the users."""
        rows = self.encoder.rows(batch)
        own = self.thresholds.index_select(0, batch.user_idx).squeeze(1)
        return rows._replace(others=(*rows.others, own))

    def updates(self, batch: TensorBatch, rows: Rows, decay: float) -> list[Update]:
        """The encoder's."""
        return self.encoder.updates(batch, rows, decay)

    def tables(self) -> tuple[Tensor, Tensor]:
        """The encoder's."""
        return self.encoder.tables()
