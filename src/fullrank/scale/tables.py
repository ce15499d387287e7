"""Free rows in blocks over workers: rows of items come from their owners, gradients go back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fullrank.encoders import MF, Encoder, Rows, TensorBatch, Update, uniform_table
from fullrank.methods import TrainedMethod
from fullrank.scale.blocks import Sizes
from fullrank.scale.exchange import Part
from fullrank.scale.group import Group

DRAWN = 2**22
"""Numbers of an initial table that are drawn at a time."""


class ShardedMF(Encoder):
    """Matrix factorisation whose tables are blocks of those of all workers.

    Args:
        user_table: (n, d) rows of the users of this worker, who have all their pairs here.
        item_table: (m, d) rows of the items that this worker owns.
        group: The workers.
    """

    reaches: ClassVar[bool] = False
    """Whether the gradient of a row moves rows of other workers: see `exchange.Reach`."""

    def __init__(self, user_table: Tensor, item_table: Tensor, group: Group) -> None:
        self.user_table, self.item_table = user_table, item_table
        self.group = group
        self.part: Part | None = None
        self._fetched: MF | None = None

    @property
    def parameters(self) -> dict[str, Tensor]:
        """The two blocks."""
        return {"user_table": self.user_table, "item_table": self.item_table}

    def begin(self, part: Part) -> TensorBatch:
        """Takes the part of a batch that the next step is of; the step's row numbers."""
        self.part = part = part.on(self.user_table.device)
        return TensorBatch(part.user_idx, part.item_at, part.negative_at)

    def read_by(self, batch: TensorBatch) -> dict[str, Tensor]:
        """Own users of the batch, and own items that any worker asks for."""
        return {"user_table": batch.user_idx, "item_table": self.now.asked}

    def rows(self, batch: TensorBatch) -> Rows:
        """The rows of this worker's part of the batch."""
        part = self.now
        fetched = self.group.all_to_all(self.item_table[part.asked], part.sends, part.asks)
        self._fetched = MF(self.user_table, fetched)
        return self._fetched.rows(batch)

    def updates(self, batch: TensorBatch, rows: Rows, decay: float) -> list[Update]:
        """Gradients of own users, and those of own items that all workers have sent."""
        part = self.now
        if self._fetched is None:
            raise RuntimeError("updates before rows")
        # A worker without a pair in the batch has no row that decays.
        users, items = self._fetched.updates(batch, rows, decay if len(batch.user_idx) else 0.0)
        if items.rows is None:
            raise RuntimeError("a gradient of rows without their numbers")
        total = torch.zeros_like(self._fetched.item_table).index_add_(0, items.rows, items.grad)
        grad = self.group.all_to_all(total, part.asks, part.sends)
        return [users, Update("item_table", part.asked, grad)]

    def tables(self) -> tuple[Tensor, Tensor]:
        """The blocks of this worker."""
        return self.user_table, self.item_table

    @property
    def now(self) -> Part:
        """The part of the step."""
        if self.part is None:
            raise RuntimeError("a step without its part of a batch")
        return self.part


def initial_blocks(
    method: TrainedMethod, sizes: Sizes, edges: Mapping[str, NDArray[np.int64]], rank: int
) -> tuple[Tensor, Tensor]:
    """Rows of a worker, as `fullrank.methods.encoding.initial_tables` draws them.

    Every worker draws all rows, a block at a time, and keeps its own: the numbers are the same
    whatever the number of workers.
    """
    generator = torch.Generator().manual_seed(method.seed)
    counted = {"side": None, "joint": sizes.users + sizes.items}[method.init]
    step = max(DRAWN // method.dim, 1)
    kept: list[Tensor] = []
    for n, ends in ((sizes.users, edges["user_table"]), (sizes.items, edges["item_table"])):
        own, (first, last) = [], ends[rank : rank + 2].tolist()
        for start in range(0, n, step):
            rows = min(step, n - start)
            drawn = uniform_table(rows, method.dim, generator, method.init_dim, counted or n)
            own.append(drawn[max(first - start, 0) : max(last - start, 0)].clone())
        kept.append(torch.cat(own) if own else torch.zeros(0, method.dim))
    return kept[0], kept[1]


def given_blocks(
    tables: tuple[NDArray[np.float32], NDArray[np.float32]],
    edges: Mapping[str, NDArray[np.int64]],
    rank: int,
) -> tuple[Tensor, Tensor]:
    """A worker's own rows of whole tables, copied."""
    users, items = (
        torch.from_numpy(table[slice(*ends[rank : rank + 2].tolist())].copy())
        for table, ends in zip(tables, (edges["user_table"], edges["item_table"]), strict=True)
    )
    return users, items
