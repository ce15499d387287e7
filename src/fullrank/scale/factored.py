"""Factored LightGCN over workers: rows ``t + u M`` in blocks, M the same with every worker.

What a step adds to t reaches the neighbours of the batch, which lie with all workers: the gradients
of the batch go round once, and each worker adds what its own rows get of them. What it adds to M is
a sum over the rows of the batch: every worker's part of it is summed over all.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from fullrank.encoders import MF, Pair, Rows, Svd, TensorBatch, Update
from fullrank.encoders.factored import SpectralFilter
from fullrank.scale.exchange import Reach
from fullrank.scale.group import Group
from fullrank.scale.neighbours import OwnGraph
from fullrank.scale.tables import ShardedMF


class ShardedFactored(ShardedMF):
    """`fullrank.encoders.FactoredLightGCN` whose tables and singular vectors are blocks.

    Args:
        tables: (n, d) and (m, d) own rows that training starts from, propagated.
        group: The workers.
        graph: Own edges.
        svd: The singular values, and own rows of the vectors.
        layers: Hops K ≥ 1.
        scale: What the sum over hops is multiplied by.
    """

    reaches: ClassVar[bool] = True

    def __init__(
        self, tables: Pair, group: Group, graph: OwnGraph, svd: Svd, layers: int, scale: float
    ) -> None:
        super().__init__(*tables, group)
        self.graph = graph
        self.singular_vectors = svd.users.to(tables[0]), svd.items.to(tables[1])
        # Its polynomials are evaluated by numpy.
        self.filter = SpectralFilter.of(svd.values.to(tables[0].dtype), layers, scale)
        rank, dim = len(svd.values), tables[0].shape[1]
        self.user_low, self.item_low = (tables[0].new_zeros(rank, dim) for _ in range(2))

    @property
    def parameters(self) -> dict[str, Tensor]:
        """The blocks of t, and both M, which are the same for all workers."""
        return super().parameters | {"user_low": self.user_low, "item_low": self.item_low}

    def rows(self, batch: TensorBatch) -> Rows:
        """The rows of this worker's part of the batch; items come with their low-rank part."""
        part = self.now
        users = self._expanded(0, batch.user_idx)
        items = self._expanded(1, part.asked)
        self._fetched = MF(users, self.group.all_to_all(items, part.sends, part.asks))
        return self._fetched.rows(self._here(batch))

    def updates(self, batch: TensorBatch, rows: Rows, decay: float) -> list[Update]:
        """The gradient, smoothed by P²; both M get the same sum, to the bit, with every worker."""
        del decay  # the settings refuse a penalty here
        part, fetched = self.now, self._fetched
        if fetched is None or part.reach is None:
            raise RuntimeError("updates before rows")
        users, items = fetched.updates(self._here(batch), rows, 0.0)
        if items.rows is None:
            raise RuntimeError("a gradient of rows without their numbers")
        total = torch.zeros_like(fetched.item_table).index_add_(0, items.rows, items.grad)
        every = self.group.gather(torch.cat((users.grad, total)), part.reach.counts)
        drawn = (batch.user_idx, users.grad), (part.asked, every[self._own_items(part.reach)])
        made = []
        for name, (idx, grad) in zip(("user_table", "item_table"), drawn, strict=True):
            made.append(Update(name, idx, self.filter.identity * grad))
        return [*made, *self._hopped(part.reach, every), *self._low_rank(drawn)]

    @torch.no_grad()
    def tables(self) -> tuple[Tensor, Tensor]:
        """All own rows: plain tables, as matrix factorisation has."""
        users = torch.addmm(self.user_table, self.singular_vectors[0], self.user_low)
        items = torch.addmm(self.item_table, self.singular_vectors[1], self.item_low)
        return users, items

    def _hopped(self, reach: Reach, every: Tensor) -> list[Update]:
        """What own rows get of the gradients of their neighbours."""
        made = []
        of_users = torch.from_numpy(reach.of_users)
        for name, neighbours, there in (
            ("user_table", self.graph.users, ~of_users),
            ("item_table", self.graph.items, of_users),
        ):
            rows, grad = neighbours.spread(reach.ids[there.numpy()], every[there])
            made.append(Update(name, rows, self.filter.hop * grad))
        return made

    def _low_rank(self, drawn: tuple[Pair, Pair]) -> list[Update]:
        """What M gets of the gradients of all workers."""
        vectors = self.singular_vectors
        own = [vectors[side][idx].T @ grad for side, (idx, grad) in enumerate(drawn)]
        inner = self.group.all_reduce(torch.stack(own))
        even, odd = (each[:, None].to(inner.device) for each in (self.filter.even, self.filter.odd))
        return [
            Update(name, None, even * inner[side] + odd * inner[1 - side])
            for side, name in enumerate(("user_low", "item_low"))
        ]

    def _own_items(self, reach: Reach) -> Tensor:
        """(T,) bool: items of this worker, in the order in which they were asked for."""
        first, last = self.graph.own_items
        return torch.from_numpy(~reach.of_users & (reach.ids >= first) & (reach.ids < last))

    def _expanded(self, side: int, idx: Tensor) -> Tensor:
        table, low = (
            (self.user_table, self.user_low) if side == 0 else (self.item_table, self.item_low)
        )
        return torch.addmm(table[idx], self.singular_vectors[side][idx], low)

    @staticmethod
    def _here(batch: TensorBatch) -> TensorBatch:
        """The batch by the places of its users' rows among those that were computed."""
        places = torch.arange(len(batch.user_idx), device=batch.user_idx.device)
        return batch._replace(user_idx=places)
