"""The log loss of observed pairs alone, which shows the complete collapse."""

from __future__ import annotations

from fullrank import objectives
from fullrank.engine.step import Loss
from fullrank.methods.base import PairMethod
from fullrank.methods.space import SGD


class LogPositive(PairMethod):
    """Positives only, log loss."""

    name = "log-positive"
    summary = "observed pairs alone, log loss: shows the complete collapse"
    source = "Peng et al., DirectSpec, section III-A"
    family = "no negatives"
    space = SGD

    def build_loss(self) -> Loss:
        """``-ln σ(u · v)``."""
        return Loss.of_pairs(objectives.log_positive, "log-positive")
