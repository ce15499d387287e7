"""Sampled softmax on cosines, on matrix factorisation or LightGCN."""

from __future__ import annotations

from pydantic import Field

from fullrank import objectives
from fullrank.engine.step import Loss
from fullrank.methods.base import Sampled, SampledMethod
from fullrank.methods.space import ADAM, Span


class Softmax(SampledMethod):
    """The sampled softmax loss."""

    name = "softmax"
    summary = "each pair against many sampled items, by softmax of cosines"
    source = "SSM, Wu et al., ACM TOIS 2024, equation 4"
    family = "sampled negatives"
    space = {**ADAM, "temperature": Span(0.05, 0.5, log=True)}
    defaults = {
        "batch_size": 1024,
        "lr": 0.005,
        "optimizer": "adam",
        "negatives": 1000,
    }
    cosine = True

    temperature: float = Field(default=0.15, gt=0)
    """Temperature τ that divides the cosines."""
    shared_negatives: bool = True
    """Draw N items for all pairs of a batch together, whoever has interacted with them: a step is
    then one product of matrices."""

    def build_loss(self) -> Loss:
        """``-ln`` of the softmax of a pair's cosine among those of the sampled items."""
        return Loss.of_triples(objectives.softmax, temperature=self.temperature)

    @property
    def sampled(self) -> Sampled:
        """N items of the batch, or of each pair."""
        return Sampled(self.negatives, self.shared_negatives)
