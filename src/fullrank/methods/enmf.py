"""ENMF: squared loss over all pairs, without sampling."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from fullrank import objectives
from fullrank.data.interactions import Interactions
from fullrank.data.sampling import Sampler, UserSampler
from fullrank.encoders import Encoder, Rows, WholeItems
from fullrank.engine.step import Loss
from fullrank.methods.base import TrainedMethod
from fullrank.methods.encoding import initial_tables
from fullrank.methods.space import Span


class ENMF(TrainedMethod):
    """The whole-data loss.

    An epoch visits each user once: ``sampler``, ``systematic``, ``damping`` and ``weighted`` have
    no effect. The loss is the mean over the users of a batch, where the authors sum, and rows start
    as those of every method do, where theirs start near zero: see docs/fidelity.md.
    """

    name = "enmf"
    summary = "squared loss over all pairs, without sampling"
    source = "Chen et al., TOIS 2020, equations 8 to 10 (user-based)"
    family = "no negatives"
    space = {
        "lr": Span(0.01, 0.2, log=True),
        "negative_weight": Span(0.01, 0.5, log=True),
        "keep": Span(0.3, 1.0),
    }
    defaults = {"optimizer": "adagrad", "lr": 0.05}

    negative_weight: float = Field(default=0.1, gt=0, le=1)
    """Weight c of the unobserved pairs."""
    keep: float = Field(default=1.0, gt=0, le=1)
    """Share of the user entries that a step keeps (dropout)."""

    @property
    def uses_weights(self) -> bool:
        """Never: the loss is of all items alike."""
        return False

    @property
    def without_weights(self) -> str:
        """Drawing pairs in proportion is no way out here."""
        return f"{self.name} does not use them"

    def build_loss(self) -> Loss:
        """The loss of some users with every item."""
        weight = self.negative_weight

        def loss(rows: Rows) -> Tensor:
            return objectives.enmf(rows.pair[0], rows.others, weight)

        return Loss(loss)

    def build_encoder(self, data: Interactions, generator: torch.Generator, device: str) -> Encoder:
        """H starts at one, so that scores start as inner products."""
        users, items = initial_tables(self, data, generator, device)
        weight = torch.ones(self.dim, device=device)
        return WholeItems(users, items, weight, data, self.keep)

    def build_sampler(self, data: Interactions) -> Sampler:
        """Users, each once an epoch."""
        return UserSampler(data)
