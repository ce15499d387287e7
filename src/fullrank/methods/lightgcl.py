"""LightGCL: LightGCN, and InfoNCE between the graph and its low-rank form."""

from __future__ import annotations

import itertools
from typing import Literal

from pydantic import Field
from torch import Tensor

from fullrank import objectives
from fullrank.data.graph import BipartiteGraph
from fullrank.data.interactions import Interactions
from fullrank.encoders import LightGCN, Pair, TensorBatch, most_pairs, truncated_svd
from fullrank.encoders.lightgcn import Views
from fullrank.encoders.propagation import propagated
from fullrank.engine.step import Loss
from fullrank.methods.contrast import GraphContrast
from fullrank.methods.encoding import check_rank
from fullrank.methods.space import ADAM_ON_GRAPH, Span


class LightGCL(GraphContrast):
    """LightGCL."""

    name = "lightgcl"
    summary = "LightGCN, and InfoNCE between the graph and its low-rank form"
    source = "Cai et al., ICLR 2023, equations 8 to 10"
    family = "on the graph"
    space = {
        **ADAM_ON_GRAPH,
        "contrast": Span(0.02, 2.0, log=True),
        "temperature": Span(0.1, 1.0, log=True),
        "view_rank": Span(5, 256, log=True),
    }
    defaults = {
        "encoder": "lightgcn",
        "optimizer": "adam",
        "lr": 0.01,
        "batch_size": 2048,
        "layers": 2,
    }

    view_rank: int = Field(default=5, ge=1, lt=2**31)
    """Singular pairs q of the low-rank view."""
    similarity: Literal["cosine", "dot"] = "cosine"
    """Of two rows, in InfoNCE: the paper's cosine, or the inner product of its authors' program."""
    contrast_layers: Literal["sum", "each"] = "sum"
    """Compare the views' sums over layers, as the authors' program does, or each layer from the
    first on and add the losses, as equation 8 does (it adds layer 0, whose views are the same)."""

    def build_loss(self) -> Loss:
        """BPR plus weighted InfoNCE between graph and view."""
        return Loss.of_views(
            objectives.lightgcl,
            contrast=self.contrast,
            temperature=self.temperature,
            similarity=self.similarity,
        )

    def largest(self, data: Interactions) -> dict[str, int]:
        """The rank of the view, too."""
        most = most_pairs((data.n_users, data.n_items))
        return {**super().largest(data), "view_rank": most}

    def build_views(self, data: Interactions) -> Views:
        """Hops on the rank-q reconstruction of the graph beside hops on the graph."""
        graph = BipartiteGraph.of(data)
        check_rank("view_rank", self.view_rank, graph)
        svd = truncated_svd(graph.user_item, self.view_rank, self.seed)

        def views(encoder: LightGCN, batch: TensorBatch, leaves: Pair) -> tuple[Tensor, ...]:
            left, values, right = (part.to(leaves[0].device) for part in svd)
            at_users, at_items = self.contrasted(batch)
            if self.contrast_layers == "each":
                return self._by_layer(encoder, (at_users, at_items), leaves, (left, values, right))
            below = propagated(encoder.whole, leaves, encoder.layers - 1)
            if self.contrast_with == "batch":
                all_users, all_items = encoder.rows_on(encoder.whole, leaves, (at_users, at_items))
                users, items = all_users, all_items
            else:
                all_users, all_items = encoder.tables_on(encoder.whole, leaves)
                users, items = all_users[at_users], all_items[at_items]
            low_users = leaves[0][at_users] + (left[at_users] * values) @ (right.T @ below[1])
            low_items = leaves[1][at_items] + (right[at_items] * values) @ (left.T @ below[0])
            return low_users, users, all_users, low_items, items, all_items

        return views

    def _by_layer(
        self, encoder: LightGCN, at: Pair, leaves: Pair, svd: tuple[Tensor, Tensor, Tensor]
    ) -> tuple[Tensor, ...]:
        """The six views of each layer: ``U S Vᵀ E`` and ``Â E`` of the layer below, E."""
        left, values, right = svd
        sums = [propagated(encoder.whole, leaves, k) for k in range(encoder.layers + 1)]
        users, items = leaves
        views: list[Tensor] = []
        for below, above in itertools.pairwise(sums):
            low_users = (left[at[0]] * values) @ (right.T @ items)
            low_items = (right[at[1]] * values) @ (left.T @ users)
            users, items = above[0] - below[0], above[1] - below[1]
            everywhere = self.contrast_with == "all"
            views += [low_users, users[at[0]], users if everywhere else users[at[0]]]
            views += [low_items, items[at[1]], items if everywhere else items[at[1]]]
        return tuple(views)
