"""Free rows behind a filter of the graph whose entries are dropped at random while training."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from fullrank.encoders.base import Encoder, Rows, TensorBatch, Update


class FilteredRows(Encoder):
    """``(M ⊙ F) E`` on each side, with ``F = V f(Λ) Vᵀ`` fixed, E learned and M a mask of the step.

    Without the mask this is `SpectralEncoder`, which never makes a row of F. A step makes those of
    its batch: O(B n m) for n rows and m eigenvectors, and (B, n) numbers.

    Args:
        bases: (n_users, m) and (n_items, k): eigenvectors times the filter.
        vectors: The eigenvectors alone, of the same shapes.
        tables: (n_users, d) and (n_items, d) E.
        drop: Share of the entries of F that a step leaves out. The others are not scaled up, as in
            the authors' program; ranking uses all.

    Source: GDE, Peng et al., SIGIR 2022, section 4.2.
    """

    def __init__(
        self,
        bases: tuple[Tensor, Tensor],
        vectors: tuple[Tensor, Tensor],
        tables: tuple[Tensor, Tensor],
        drop: float,
    ) -> None:
        self.bases, self.vectors, self.drop = bases, vectors, drop
        self.user_table, self.item_table = tables
        self._generator = torch.Generator()
        self._seed = 0
        self._leaves: list[Tensor] = []

    @property
    def parameters(self) -> dict[str, Tensor]:
        """The free rows."""
        return {"user_table": self.user_table, "item_table": self.item_table}

    def start_epoch(self, rng: np.random.Generator, epoch: int = 0) -> None:
        """Seeds the masks of an epoch."""
        del epoch
        self._seed = int(rng.integers(2**62))

    def rows(self, batch: TensorBatch) -> Rows:
        """The filtered rows of the batch."""
        # A seed of the epoch and of the batch, so that a run that goes on draws the same.
        of_batch = int(batch.user_idx.sum()) + 2**20 * int(batch.item_idx.sum())
        self._generator.manual_seed((self._seed + of_batch) % 2**63)
        self._leaves = [table.detach().requires_grad_() for table in self.parameters.values()]
        pair = torch.stack((self._filtered(0, batch.user_idx), self._filtered(1, batch.item_idx)))
        negative = None
        if batch.negative_idx is not None:
            flat = self._filtered(1, batch.negative_idx.flatten())
            negative = flat.view(*batch.negative_idx.shape, -1)
        return Rows(pair, negative)

    def _filtered(self, side: int, rows: Tensor) -> Tensor:
        entries = self.bases[side][rows] @ self.vectors[side].T
        kept = torch.rand(entries.shape, generator=self._generator) >= self.drop
        return (entries * kept.to(entries)) @ self._leaves[side]

    def updates(self, batch: TensorBatch, rows: Rows, decay: float) -> list[Update]:
        """Dense gradients: a row of the filter sees every free row."""
        del rows
        made = []
        for (name, table), leaf in zip(self.parameters.items(), self._leaves, strict=True):
            if leaf.grad is not None:
                leaf.grad.add_(table, alpha=decay * len(batch.user_idx))
                made.append(Update(name, None, leaf.grad))
        return made

    @torch.no_grad()
    def tables(self) -> tuple[Tensor, Tensor]:
        """All rows, by the whole filter."""
        users, items = (
            basis @ (vectors.T @ table)
            for basis, vectors, table in zip(
                self.bases, self.vectors, self.parameters.values(), strict=True
            )
        )
        return users, items
