"""SGL: LightGCN, and InfoNCE between two graphs with dropped edges."""

from __future__ import annotations

from pydantic import Field
from torch import Tensor

from fullrank import objectives
from fullrank.data.interactions import Interactions
from fullrank.encoders import LightGCN, Pair, TensorBatch
from fullrank.encoders.lightgcn import Views
from fullrank.engine.step import Loss
from fullrank.methods.contrast import GraphContrast
from fullrank.methods.space import ADAM_ON_GRAPH, Span


class SGL(GraphContrast):
    """SGL with edge dropout."""

    name = "sgl-ed"
    summary = "LightGCN, and InfoNCE between two graphs with dropped edges"
    source = "Wu et al., SIGIR 2021, equations 10 to 12"
    family = "on the graph"
    space = {
        **ADAM_ON_GRAPH,
        "contrast": Span(0.02, 1.0, log=True),
        "temperature": Span(0.1, 0.5, log=True),
    }
    defaults = {"encoder": "lightgcn", "optimizer": "adam", "lr": 0.01, "batch_size": 2048}

    view_drop: float = Field(default=0.1, ge=0, lt=1)
    """Share ρ of the edges that each view leaves out."""

    def build_loss(self) -> Loss:
        """BPR plus weighted InfoNCE between the views."""
        return Loss.of_views(objectives.sgl, contrast=self.contrast, temperature=self.temperature)

    @property
    def view_drops(self) -> tuple[float, ...]:
        """Two graphs an epoch."""
        return self.view_drop, self.view_drop

    def build_views(self, data: Interactions) -> Views:
        """The batch's rows on both graphs."""
        del data

        def views(encoder: LightGCN, batch: TensorBatch, leaves: Pair) -> tuple[Tensor, ...]:
            rows = self.contrasted(batch)
            first, second = encoder.view_hops
            users, items = encoder.rows_on(first, leaves, rows)
            if self.contrast_with == "batch":
                users_again, items_again = encoder.rows_on(second, leaves, rows)
                return users, users_again, items, items_again
            all_users, all_items = encoder.tables_on(second, leaves)
            again = all_users[rows[0]], all_items[rows[1]]
            return users, again[0], items, again[1], all_users, all_items

        return views
