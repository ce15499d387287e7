"""LogDet: observed pairs close on the graph, the covariance near the identity."""

from __future__ import annotations

from fullrank import objectives
from fullrank.engine.step import Loss
from fullrank.methods.space import ADAM, Span
from fullrank.methods.spread import SpreadMethod


class LogDet(SpreadMethod):
    """The log-determinant divergence of the covariance."""

    name = "logdet"
    summary = "observed pairs close on the graph, covariance near the identity"
    source = "Zhang et al., NeurIPS 2023"
    family = "on the graph"
    space = {**ADAM, "layers": (1, 2, 3), "gamma": Span(0.05, 10.0, log=True)}
    defaults = {"encoder": "lightgcn", "optimizer": "adam", "lr": 0.001, "batch_size": 1024}

    def build_loss(self) -> Loss:
        """Alignment plus γ times the divergence."""
        return Loss.of_pairs(objectives.log_det, gamma=self.gamma)
