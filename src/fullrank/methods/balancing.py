"""The balancers as a training plan needs them."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fullrank.data.graph import Nearness
from fullrank.data.interactions import Interactions
from fullrank.data.sampling import Batch
from fullrank.methods.row import Balancing
from fullrank.methods.settings import CCLSettings, DirectSpecPlusSettings, DirectSpecSettings
from fullrank.spectrum import AttentionTau, DirectSpec, DirectSpecPlus
from fullrank.training.engine import ClosedForm


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


def dropout(settings: CCLSettings, data: Interactions, generator: torch.Generator) -> Balancing:
    """Entries of the users' rows left out; for objectives that do not see lengths."""
    del data, generator
    share = settings.dropout
    form = ClosedForm("", values={"dropout": share})
    if not share:
        return Balancing(lambda pair, batch: pair, form=form, static=True)  # noqa: ARG005

    def drop(pair: Tensor, batch: Batch) -> Tensor:
        kept = torch.from_numpy(kept_entries(batch, pair.shape[-1], share))
        return torch.stack((pair[0] * kept.to(pair), pair[1]))

    return Balancing(drop, form=form)


def kept_entries(batch: Batch, dim: int, share: float) -> NDArray[np.bool_]:
    """Which entries of the users' rows stay when a share of them is dropped at random.

    They depend on the pair and its first negative alone, so a run that is interrupted, or that
    bundles its steps otherwise, drops the same; ``kernels/negative.h`` says the same.

    Returns:
        (B, dim).
    """
    parts = [batch.user_idx, batch.item_idx]
    if batch.negative_idx is not None:
        parts.append(batch.negative_idx[:, 0])
    key = np.zeros(len(batch.user_idx), np.uint64)
    for part in reversed(parts):
        key = _mixed(part.astype(np.uint64) + key)
    entries = key[:, None] + np.arange(dim).astype(np.uint64)
    return _mixed(entries) >> np.uint64(40) >= int(np.float32(share) * 2**24)


def _mixed(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64: a number of 64 bits that tells nothing of ``x`` (Steele et al., OOPSLA 2014)."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
