"""BCE: observed pairs against sampled ones, binary cross-entropy."""

from __future__ import annotations

from fullrank import objectives
from fullrank.engine.step import Loss
from fullrank.methods.base import SampledMethod
from fullrank.methods.space import SGD, Span


class BCE(SampledMethod):
    """Binary cross-entropy with sampled negatives."""

    name = "bce"
    summary = "observed pairs against N sampled ones, binary cross-entropy"
    source = "Peng et al., DirectSpec, equation 2"
    family = "sampled negatives"
    space = {**SGD, "negatives": Span(1, 8)}

    observed: bool = True
    """Pull observed pairs; without them sampled negatives are all that is trained on, which shows
    that pushing alone collapses the embeddings too."""

    def build_loss(self) -> Loss:
        """The log loss of pairs and of negatives, or of negatives alone."""
        if not self.observed:
            return Loss.of_triples(objectives.bce_unobserved)
        return Loss.of_triples(objectives.bce, "bce")
