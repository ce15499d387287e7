"""LightGCN: the embeddings are the parameters, smoothed over the interaction graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor

from fullrank.data.graph import BipartiteGraph
from fullrank.data.interactions import Interactions
from fullrank.encoders.base import Encoder, Pair, Rows, Some, TensorBatch, Update, penalty_shares
from fullrank.encoders.propagation import (
    Hops,
    PropagatedRows,
    propagate,
    propagate_at,
    propagate_grads,
    propagated,
)

Views = Callable[["LightGCN", TensorBatch, Pair], tuple[Tensor, ...]]
"""What a method wants of the encoder beside the rows of the batch; the pair are the leaf tables."""


class LightGCN(Encoder):
    """``(I + Â + … + Â^K) E``, of the batch's rows while training and of all rows to rank with.

    Args:
        user_table: (n_users, d) raw rows.
        item_table: (n_items, d) raw rows.
        data: The interactions whose pairs are the edges.
        layers: Hops K; 0 is matrix factorisation.
        average: Divide by K + 1, as LightGCN does; the published DirectSpec runs do not.
        drop: Share of the edges left out of the graph of an epoch (DropEdge).
        view_drops: Shares of the edges left out of further graphs of an epoch, one each, for
            methods that compare views.
        views: Makes `Rows.others`.

    Source: He et al., SIGIR 2020; Rong et al., ICLR 2020 (DropEdge).
    """

    def __init__(
        self,
        user_table: Tensor,
        item_table: Tensor,
        data: Interactions,
        layers: int = 3,
        *,
        average: bool = True,
        drop: float = 0.0,
        view_drops: Sequence[float] = (),
        views: Views | None = None,
    ) -> None:
        self.user_table = user_table
        self.item_table = item_table
        self.data = data
        self.layers = layers
        self.scale = 1 / (layers + 1) if average else 1.0
        self.drop = drop
        self.view_drops = view_drops
        self.views = views
        self.whole = self._hops_of(BipartiteGraph.of(data))
        self.hops = self.whole
        self.view_hops: list[Hops] = []
        self._leaves: Pair | None = None

    @property
    def parameters(self) -> dict[str, Tensor]:
        """The two raw tables."""
        return {"user_table": self.user_table, "item_table": self.item_table}

    @property
    def propagation(self) -> LightGCN:
        """Itself."""
        return self

    def start_epoch(self, rng: np.random.Generator, epoch: int = 0) -> None:
        """Draws the graphs of an epoch, where some edges are left out."""
        del epoch
        if self.drop:
            self.hops = self._dropped(rng, self.drop)
        self.view_hops = [self._dropped(rng, share) for share in self.view_drops]

    def rows(self, batch: TensorBatch) -> Rows:
        """The propagated rows of the batch."""
        leaves = (
            self.user_table.detach().requires_grad_(),
            self.item_table.detach().requires_grad_(),
        )
        self._leaves = leaves
        items = batch.item_idx
        if batch.negative_idx is not None:
            items = torch.cat((items, batch.negative_idx.flatten()))
        user, item = self.rows_on(self.hops, leaves, (batch.user_idx, items))
        size, negative = len(batch.user_idx), None
        if batch.negative_idx is not None:
            negative = item[size:].view(*batch.negative_idx.shape, -1)
        others = () if self.views is None else self.views(self, batch, leaves)
        return Rows(torch.stack((user, item[:size])), negative, others)

    def rows_on(self, hops: Hops, leaves: Pair, rows: Pair) -> Pair:
        """Propagated rows on some graph: (b, d) and (c, d) for row numbers (b,) and (c,)."""
        found = cast("Pair", PropagatedRows.apply(*leaves, hops, self.layers, rows))  # type: ignore[no-untyped-call]
        return self._scaled(found)

    @torch.no_grad()
    def rows_at(self, rows: Some) -> Pair:
        """Propagated rows of this step, without a gradient: see `grads_at`."""
        tables = self.user_table, self.item_table
        return self._scaled(propagate_at(self.hops, tables, self.layers, rows))

    @torch.no_grad()
    def updates_at(self, rows: Some, grads: Pair, batch: TensorBatch, decay: float) -> list[Update]:
        """What gradients with respect to `rows_at` mean for the raw tables."""
        n = len(self.user_table), len(self.item_table)
        raw = self._scaled(propagate_grads(self.hops, rows, grads, self.layers, n))
        return self._penalised(batch, raw, decay)

    def tables_on(self, hops: Hops, leaves: Pair) -> Pair:
        """All propagated rows on some graph."""
        return self._scaled(propagated(hops, leaves, self.layers))

    def updates(self, batch: TensorBatch, rows: Rows, decay: float) -> list[Update]:
        """Dense gradients: a hop or two from a batch is everywhere. The penalty is on raw rows."""
        del rows
        if self._leaves is None:
            raise RuntimeError("updates before rows")
        users, items = self._leaves
        self._leaves = None
        return self._penalised(batch, (users.grad, items.grad), decay)

    def _penalised(
        self, batch: TensorBatch, grads: tuple[Tensor | None, Tensor | None], decay: float
    ) -> list[Update]:
        """Updates of the raw tables by gradients with respect to them, with the penalty added."""
        own, against = penalty_shares(batch, decay)
        drawn = [(batch.user_idx, own)], [(batch.item_idx, own)]
        if batch.negative_idx is not None:
            drawn[1].append((batch.negative_idx.flatten(), against))
        made = []
        for (name, table), grad, parts in zip(self.parameters.items(), grads, drawn, strict=True):
            if grad is None:
                continue
            # By count: to gather and scatter a row for each of many negatives takes longer than the
            # whole table does.
            for idx, share in parts if decay else ():
                times = torch.bincount(idx, minlength=len(table)).to(table)
                grad.addcmul_(table, times[:, None], value=share)
            made.append(Update(name, None, grad))
        return made

    @torch.no_grad()
    def tables(self) -> tuple[Tensor, Tensor]:
        """All rows, propagated on the whole graph."""
        return self._scaled(propagate(self.whole, (self.user_table, self.item_table), self.layers))

    def _scaled(self, rows: Pair) -> Pair:
        return rows if self.scale == 1 else (rows[0] * self.scale, rows[1] * self.scale)

    def _dropped(self, rng: np.random.Generator, share: float) -> Hops:
        kept = rng.random(len(self.data), dtype=np.float32) >= share
        return self._hops_of(BipartiteGraph.of(self.data, kept))

    def _hops_of(self, graph: BipartiteGraph) -> Hops:
        return Hops(graph, self.user_table.device.type)
