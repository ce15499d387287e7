"""The squared distance of observed pairs alone, which collapses fastest."""

from __future__ import annotations

from fullrank import objectives
from fullrank.engine.step import Loss
from fullrank.methods.base import PairMethod
from fullrank.methods.space import SGD, Span


class EuclideanPositive(PairMethod):
    """Positives only, squared distance."""

    name = "euclidean-positive"
    summary = "observed pairs alone, squared distance: collapses fastest"
    source = "Peng et al., DirectSpec, section III-A, figure 2"
    family = "no negatives"
    space = {**SGD, "lr": Span(0.1, 10.0, log=True)}
    defaults = {"lr": 1.0}

    def build_loss(self) -> Loss:
        """``‖u - v‖²``."""
        return Loss.of_pairs(objectives.euclidean_positive, "euclidean-positive")
