"""DirectSpec+: positives only, the spectrum balanced with self-paced weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor

from fullrank.data.graph import Nearness
from fullrank.data.interactions import Interactions
from fullrank.data.sampling import Batch
from fullrank.encoders import TensorBatch
from fullrank.engine.step import Balance
from fullrank.methods.balanced import BalancedMethod
from fullrank.methods.searched import RATES
from fullrank.methods.space import ByRule, Span
from fullrank.spectrum import AttentionTau
from fullrank.spectrum import DirectSpecPlus as Balancer


class DirectSpecPlus(BalancedMethod):
    """DirectSpec+ (equation 22)."""

    name = "directspec+"
    summary = "positives only, spectrum balanced with self-paced weights"
    source = "Peng et al., DirectSpec, equation 22"
    space = {
        "lr": ByRule(RATES, Span(30.0, 400.0, log=True)),
        "alpha": Span(0.3, 1.6, log=True),
        "tau": Span(2.0, 5.0),
        "shrink": (0.0, 0.01, 0.02, 0.03),
    }
    tried = {"alpha": (0.8, 0.6, 1.0, 0.5, 0.3, 1.25, 1.6), "tau": (3.0, 4.5, 2.0)}
    rescaled = (0.02,)
    defaults = {
        "average_layers": False,
        "systematic": True,
        "epochs": 100,
        "validate_every": 2,
    }

    alpha: float = Field(default=0.7, ge=0)
    """Step α of the filter."""
    tau: float = Field(default=4.5, gt=0)
    """Inverse temperature τ of the softmax; with graph distance that of far pairs, τ₁; with
    attention the top of its range."""
    tau_design: Literal["constant", "graph", "attention"] = "constant"
    """One τ for all pairs, two by distance on the graph, or learned by attention."""
    tau_near: float | None = Field(default=None, gt=0)
    """τ₀ ≤ τ₁ of pairs within ``graph_distance``, for ``tau_design = graph``."""
    graph_distance: int = Field(default=2, ge=1, le=100)
    """Distance K up to which a pair counts as near."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Of the five B × B × d products of a step; bfloat16 is for GPUs that are built for it."""

    @model_validator(mode="after")
    def _tau_fits(self) -> DirectSpecPlus:
        if (self.tau_design == "graph") != (self.tau_near is not None):
            raise ValueError("tau_near together with tau_design = graph, or neither")
        if self.tau_near is not None and self.tau_near > self.tau:
            raise ValueError(f"tau_near of at most tau, {self.tau:g}")
        if self.balance != "filter" and self.tau_design != "constant":
            raise ValueError(f"tau_design = constant with balance = {self.balance}")
        return self

    def strength(self) -> dict[str, Any]:
        """α and τ."""
        return {"weight": self.alpha, "tau": self.tau}

    def build_balance(self, data: Interactions, generator: torch.Generator) -> Balance | None:
        """The filter, with the τ that the settings ask for, unless the balance is in the loss."""
        if self.balance != "filter":
            return None
        if self.tau_design == "attention":
            return self._by_attention(generator)
        balancer = Balancer(
            self.alpha, self.tau, self.tau_near, self.shrink, self.precision, self.distinct
        )
        kernel = "directspec+" if self.precision == "float32" else None
        values = {"alpha": self.alpha, "tau": self.tau, "shrink": self.shrink}
        values["distinct"] = self.distinct
        if self.tau_near is None:
            return Balance(self._by_rows(balancer), kernel, values, static=True)
        nearness = Nearness.of(data, self.graph_distance)

        def by_distance(pair: Tensor, batch: Batch, indices: TensorBatch) -> Tensor:
            near = torch.from_numpy(nearness.both(batch.user_idx, batch.item_idx))
            balanced: Tensor = balancer(pair, near.to(pair.device), self.row_numbers(indices))
            return balanced

        return Balance(by_distance, kernel, {**values, "tau_near": self.tau_near}, nearness)

    def _by_attention(self, generator: torch.Generator) -> Balance:
        tau = AttentionTau(self.dim, self.tau, sides=2, generator=generator)
        balancer = Balancer(
            self.alpha, tau, None, self.shrink, self.precision, distinct=self.distinct
        )
        return Balance(self._by_rows(balancer), learned=balancer)

    def _by_rows(self, balancer: Balancer) -> Callable[[Tensor, Batch, TensorBatch], Tensor]:
        return lambda pair, batch, indices: balancer(pair, None, self.row_numbers(indices))  # noqa: ARG005
