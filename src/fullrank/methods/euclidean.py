"""Squared distances: observed pairs close, sampled ones beyond a margin."""

from __future__ import annotations

from pydantic import Field

from fullrank import objectives
from fullrank.engine.step import Loss
from fullrank.methods.base import SampledMethod
from fullrank.methods.space import SGD, Span


class Euclidean(SampledMethod):
    """Squared distances of pairs and negatives."""

    name = "euclidean"
    summary = "observed pairs close, sampled ones beyond a margin, squared distance"
    source = "Peng et al., DirectSpec, figure 3b; Hadsell et al., CVPR 2006"
    family = "sampled negatives"
    space = {
        **SGD,
        "lr": Span(0.3, 100.0, log=True),
        "margin": Span(0.1, 3.0, log=True),
        "negatives": Span(1, 8),
    }
    defaults = {"lr": 1.0}

    margin: float = Field(default=1.0, gt=0)
    """Squared distance m beyond which a negative is left alone."""

    def build_loss(self) -> Loss:
        """Squared distances, and a hinge on those of negatives."""
        return Loss.of_triples(objectives.euclidean, margin=self.margin)
