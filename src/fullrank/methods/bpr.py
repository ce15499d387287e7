"""BPR: observed items above sampled ones, pair by pair."""

from __future__ import annotations

from fullrank import objectives
from fullrank.engine.step import Loss
from fullrank.methods.base import SampledMethod
from fullrank.methods.space import SGD


class BPR(SampledMethod):
    """Bayesian personalised ranking."""

    name = "bpr"
    summary = "observed items above sampled ones, pair by pair"
    source = "Rendle et al., UAI 2009"
    family = "sampled negatives"
    space = SGD

    def build_loss(self) -> Loss:
        """The log loss of differences."""
        return Loss.of_triples(objectives.bpr, "bpr")
