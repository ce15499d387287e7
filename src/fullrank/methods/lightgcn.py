"""LightGCN: BPR on rows that are smoothed over the graph."""

from __future__ import annotations

from fullrank import objectives
from fullrank.engine.step import Loss
from fullrank.methods.base import SampledMethod
from fullrank.methods.space import ADAM_ON_GRAPH


class LightGCN(SampledMethod):
    """LightGCN with BPR."""

    name = "lightgcn"
    summary = "BPR on rows that are smoothed over the graph"
    source = "He et al., SIGIR 2020"
    family = "on the graph"
    space = ADAM_ON_GRAPH
    defaults = {"encoder": "lightgcn", "optimizer": "adam", "lr": 0.01, "batch_size": 2048}

    def build_loss(self) -> Loss:
        """The log loss of differences."""
        return Loss.of_triples(objectives.bpr, "bpr")
