"""Sampled softmax on cosines, on matrix factorisation or LightGCN."""

from __future__ import annotations

from typing import Any

import torch
from pydantic import Field

from fullrank import objectives
from fullrank.data.interactions import Interactions
from fullrank.encoders import Encoder, WithThresholds
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

    cutoff: int | None = Field(default=None, ge=1, lt=2**31)
    """Weight pairs by whether they are among the first K of their users, or near them (SL@K); all
    alike if absent."""
    weight_temperature: float = Field(default=0.5, gt=0)
    """How near: divides the distance from the K-th cosine, in the sigmoid that is the weight."""
    cutoff_every: int = Field(default=5, ge=1, lt=2**31)
    """Epochs after which the K-th cosine of each user is found again."""

    def build_loss(self) -> Loss:
        """``-ln`` of the softmax of a pair's cosine among those of the sampled items."""
        how: dict[str, Any] = {"temperature": self.temperature}
        if self.cutoff is None:
            return Loss.of_triples(objectives.softmax, **how)
        how |= {"weight_temperature": self.weight_temperature}
        return Loss.of_triples(objectives.softmax_at, **how)

    def build_encoder(self, data: Interactions, generator: torch.Generator, device: str) -> Encoder:
        """With the K-th cosine of each user beside its row, where pairs are weighted by it."""
        encoder = super().build_encoder(data, generator, device)
        if self.cutoff is None:
            return encoder
        return WithThresholds(encoder, self.cutoff, self.cutoff_every)

    @property
    def sampled(self) -> Sampled:
        """N items of the batch, or of each pair."""
        return Sampled(self.negatives, self.shared_negatives)
