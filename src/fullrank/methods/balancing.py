"""The balancers as a training plan needs them."""

from __future__ import annotations

import torch
from torch import Tensor

from fullrank.data.graph import Nearness
from fullrank.data.interactions import Interactions
from fullrank.data.sampling import Batch
from fullrank.engine.compiled import ClosedForm
from fullrank.methods.row import Balancing
from fullrank.methods.settings import DirectSpecPlusSettings, DirectSpecSettings
from fullrank.spectrum import AttentionTau, DirectSpec, DirectSpecPlus


def direct_spec(
    settings: DirectSpecSettings, data: Interactions, generator: torch.Generator
) -> Balancing:
    """Algorithm 2."""
    del data, generator
    balancer = DirectSpec(settings.alpha, settings.shrink)
    values = {"alpha": settings.alpha, "shrink": settings.shrink}
    form = ClosedForm("", "directspec", values, watch=balancer.watch)
    return Balancing(lambda pair, batch: balancer(pair), form=form, static=True)  # noqa: ARG005


def direct_spec_plus(
    settings: DirectSpecPlusSettings, data: Interactions, generator: torch.Generator
) -> Balancing:
    """Equation 22, with the τ that the settings ask for."""
    if settings.tau_design == "attention":
        tau = AttentionTau(settings.dim, settings.tau, sides=2, generator=generator)
        learned = DirectSpecPlus(
            settings.alpha, tau, shrink=settings.shrink, precision=settings.precision
        )
        return Balancing(lambda pair, batch: learned(pair), learned)  # noqa: ARG005
    balancer = DirectSpecPlus(
        settings.alpha, settings.tau, settings.tau_near, settings.shrink, settings.precision
    )
    # The kernels know float32 alone.
    known = settings.precision == "float32"
    values = {name: getattr(settings, name) for name in ("alpha", "tau", "shrink")}
    if settings.tau_design == "constant":
        form = ClosedForm("", "directspec+", values) if known else None
        return Balancing(lambda pair, batch: balancer(pair), form=form, static=True)  # noqa: ARG005
    nearness = Nearness(data, settings.graph_distance)

    def by_distance(pair: Tensor, batch: Batch) -> Tensor:
        near = torch.from_numpy(nearness.both(batch.user_idx, batch.item_idx))
        balanced: Tensor = balancer(pair, near.to(pair.device))
        return balanced

    values["tau_near"] = settings.tau_near
    form = ClosedForm("", "directspec+", values, nearness) if known else None
    return Balancing(by_distance, form=form)
