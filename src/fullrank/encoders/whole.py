"""Matrix factorisation whose steps see some users beside every item, for losses over all pairs."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from fullrank.data.interactions import Interactions
from fullrank.encoders.base import Encoder, Rows, TensorBatch, Update


class WholeItems(Encoder):
    """Free rows and a weight for each dimension: a pair scores ``Σ_a h_a u_a v_a``.

    Args:
        user_table: (n_users, d).
        item_table: (n_items, d).
        weight: (d,) h.
        data: The training interactions.
        keep: Share of the user entries that a step keeps (dropout); 1 for all.

    Source: ENMF, Chen et al., TOIS 2020, equation 4.
    """

    def __init__(
        self,
        user_table: Tensor,
        item_table: Tensor,
        weight: Tensor,
        data: Interactions,
        keep: float = 1.0,
    ) -> None:
        self.user_table = user_table
        self.item_table = item_table
        self.weight = weight
        self.data = data
        self.keep = keep
        self._generator = torch.Generator()
        self._leaves: dict[str, Tensor] = {}

    @property
    def parameters(self) -> dict[str, Tensor]:
        """The two tables and the weights."""
        return {
            "user_table": self.user_table,
            "item_table": self.item_table,
            "weight": self.weight,
        }

    def start_epoch(self, rng: np.random.Generator, epoch: int = 0) -> None:
        """Seeds the dropout of an epoch."""
        del epoch
        self._seed = int(rng.integers(2**62))

    def rows(self, batch: TensorBatch) -> Rows:
        """User rows as the pair, (1, B, d); the others: item table, h, and the users' interactions.

        The interactions are (c,) positions in the batch and (c,) item rows.
        """
        users = batch.user_idx.cpu().numpy()
        starts, stops = self.data.indptr[users], self.data.indptr[users + 1]
        counts = stops - starts
        before = np.cumsum(counts) - counts
        position = np.repeat(np.arange(len(users)), counts)
        entry = np.arange(len(position)) + (starts - before)[position]
        device = self.user_table.device
        owner = torch.from_numpy(position).to(device)
        item = torch.from_numpy(self.data.item_idx[entry].astype(np.int64)).to(device)
        self._leaves = {
            "user_table": self.user_table.index_select(0, batch.user_idx).requires_grad_(),
            "item_table": self.item_table.detach().requires_grad_(),
            "weight": self.weight.detach().requires_grad_(),
        }
        rows, table, weight = self._leaves.values()
        if self.keep < 1:
            # A seed of the epoch and of the batch, so that a run that goes on draws the same.
            self._generator.manual_seed((self._seed + int(users.sum())) % 2**63)
            kept = torch.rand(rows.shape, generator=self._generator) < self.keep
            rows = rows * kept.to(device) / self.keep
        return Rows(rows[None], None, (table, weight, owner, item))

    def updates(self, batch: TensorBatch, rows: Rows, decay: float) -> list[Update]:
        """The users of the batch, and everything else."""
        del rows
        made = []
        for name, leaf in self._leaves.items():
            if leaf.grad is not None:
                leaf.grad.add_(leaf.detach(), alpha=decay)
                idx = batch.user_idx if name == "user_table" else None
                made.append(Update(name, idx, leaf.grad))
        return made

    @torch.no_grad()
    def tables(self) -> tuple[Tensor, Tensor]:
        """User rows with h multiplied in, so that the inner product is the score."""
        return self.user_table * self.weight, self.item_table
