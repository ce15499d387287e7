"""DropEdge: LightGCN on a graph that drops edges anew each epoch."""

from __future__ import annotations

from fullrank.methods.lightgcn import LightGCN
from fullrank.methods.space import ADAM_ON_GRAPH, Span


class DropEdge(LightGCN):
    """LightGCN with dropped edges."""

    name = "dropedge"
    summary = "LightGCN on a graph that drops edges anew each epoch"
    source = "Rong et al., ICLR 2020, on He et al., SIGIR 2020"
    space = {**ADAM_ON_GRAPH, "drop_edges": Span(0.05, 0.5)}
    defaults = {"drop_edges": 0.2}
