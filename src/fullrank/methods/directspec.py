"""DirectSpec: positives only, the spectrum balanced by the all-pass filter."""

from __future__ import annotations

from typing import Any

import torch
from pydantic import Field

from fullrank.data.interactions import Interactions
from fullrank.engine.step import Balance
from fullrank.methods.balanced import BalancedMethod
from fullrank.methods.searched import RATES
from fullrank.methods.space import DECAY, ByRule, Span
from fullrank.spectrum import DirectSpec as Balancer


class DirectSpec(BalancedMethod):
    """DirectSpec (algorithm 2)."""

    name = "directspec"
    summary = "positives only, spectrum balanced by the all-pass filter"
    source = "Peng et al., DirectSpec, algorithm 2"
    space = {
        "lr": ByRule(RATES, Span(10.0, 400.0, log=True)),
        "alpha": Span(0.005, 0.08, log=True),
        "shrink": (0.0, 0.01, 0.03),
        "weight_decay": DECAY,
    }
    tried = {"alpha": (0.03, 0.015, 0.06, 0.0075)}
    defaults = {
        "average_layers": False,
        "systematic": True,
        "epochs": 100,
        "validate_every": 2,
    }

    alpha: float = Field(default=0.05, ge=0)
    """Step α of the filter; safe up to 1 / σ₁² of the unit rows of a batch."""

    def build_balance(self, data: Interactions, generator: torch.Generator) -> Balance | None:
        """The filter on the unit rows of the batch, unless the balance is in the loss."""
        del data, generator
        if self.balance != "filter":
            return None
        balancer = Balancer(self.alpha, self.shrink, self.distinct)
        return Balance(
            lambda pair, batch, indices: balancer(pair, self.row_numbers(indices)),  # noqa: ARG005
            "directspec",
            {"alpha": self.alpha, "shrink": self.shrink, "distinct": self.distinct},
            watch=balancer.watch,
            static=True,
        )

    def strength(self) -> dict[str, Any]:
        """α."""
        return {"weight": self.alpha}
