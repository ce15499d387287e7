"""LightGCL: LightGCN, and InfoNCE between the graph and its low-rank form."""

from __future__ import annotations

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
from fullrank.methods.contrast import GraphContrast, distinct
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

    view_rank: int = Field(5, ge=1, lt=2**31)
    """Singular pairs q of the low-rank view."""
    similarity: Literal["cosine", "dot"] = "cosine"
    """Of two rows, in InfoNCE: the paper's cosine, or the inner product of its authors' program."""

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
            at_users, at_items = distinct(batch.user_idx), distinct(batch.item_idx)
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
