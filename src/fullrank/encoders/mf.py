"""Matrix factorisation: the embeddings are the parameters."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from fullrank.encoders.base import Encoder, FreeRows, Rows, TensorBatch, Update, penalty_shares


def zeros(*shape: int) -> Tensor:
    """Float32 zeros in memory of numpy's, which asks the system for huge pages.

    A random row of a table of gigabytes costs a walk through the page tables otherwise, which takes
    longer than the row itself.
    """
    return torch.from_numpy(np.zeros(shape, dtype=np.float32))


def uniform_table(
    n: int,
    dim: int,
    generator: torch.Generator,
    width: int | None = None,
    counted: int | None = None,
) -> Tensor:
    """An n × dim float32 table, uniform in ±√(6 / (n + width)): Glorot, as in the published runs.

    Args:
        n: Number of users or items.
        dim: Columns.
        generator: Random generator.
        width: The dimension in the bound, ``dim`` by default. The bound is multiplied by
            √(width / dim), so that rows have the expected norm of a table of ``width`` columns.
        counted: The number of rows in the bound, ``n`` by default.
    """
    width = width or dim
    bound = math.sqrt(6 / ((counted or n) + width)) * math.sqrt(width / dim)
    return zeros(n, dim).uniform_(-bound, bound, generator=generator)


class MF(Encoder):
    """One free row for each user and item; a step touches the rows of its batch and no others."""

    @property
    def free_rows(self) -> FreeRows:
        """The two tables."""
        return FreeRows()

    @property
    def static(self) -> bool:
        """Rows in, rows out."""
        return True

    def __init__(self, user_table: Tensor, item_table: Tensor) -> None:
        self.user_table = user_table
        self.item_table = item_table

    @property
    def parameters(self) -> dict[str, Tensor]:
        """The two tables."""
        return {"user_table": self.user_table, "item_table": self.item_table}

    def rows(self, batch: TensorBatch) -> Rows:
        """Gathers the rows of the batch."""
        pair = torch.stack(
            (
                self.user_table.index_select(0, batch.user_idx),
                self.item_table.index_select(0, batch.item_idx),
            )
        )
        negative = None
        if batch.negative_idx is not None:
            flat = self.item_table.index_select(0, batch.negative_idx.flatten())
            negative = flat.view(*batch.negative_idx.shape, -1).requires_grad_()
        return Rows(pair.requires_grad_(), negative)

    def updates(self, batch: TensorBatch, rows: Rows, decay: float) -> list[Update]:
        """The gradients go to the rows they came from."""
        if rows.pair.grad is None:
            return []
        if decay:
            own, against = penalty_shares(batch, decay)
            rows.pair.grad.add_(rows.pair.detach(), alpha=own)
            if rows.negative is not None and rows.negative.grad is not None:
                rows.negative.grad.add_(rows.negative.detach(), alpha=against)
        user_grad, item_grad = rows.pair.grad
        item_idx = batch.item_idx
        if batch.negative_idx is not None and rows.negative is not None:
            if rows.negative.grad is None:
                raise RuntimeError("negatives were drawn, but the objective did not use them")
            item_idx = torch.cat((item_idx, batch.negative_idx.flatten()))
            item_grad = torch.cat((item_grad, rows.negative.grad.flatten(0, 1)))
        return [
            Update("user_table", batch.user_idx, user_grad),
            Update("item_table", item_idx, item_grad),
        ]

    def tables(self) -> tuple[Tensor, Tensor]:
        """The raw rows: their norms carry popularity, and the ranking uses it."""
        return self.user_table, self.item_table
