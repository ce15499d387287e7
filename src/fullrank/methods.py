"""The table of methods: encoder × balancer × objective × sampler × settings, one row each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from fullrank import objectives
from fullrank.data.graph import Nearness
from fullrank.data.interactions import Interactions
from fullrank.data.sampling import Batch, PairSampler
from fullrank.encoders import MF, Encoder, uniform_table
from fullrank.errors import SettingError
from fullrank.settings import nearest
from fullrank.spectrum import AttentionTau, DirectSpec, DirectSpecPlus
from fullrank.training.engine import ClosedForm
from fullrank.training.loop import Balance, Objective, Plan
from fullrank.training.settings import TrainingSettings


class MethodSettings(TrainingSettings):
    """What every method has: training and the width of its embeddings."""

    dim: int = Field(64, ge=2)
    """Width of the embeddings, d."""
    init_dim: int | None = Field(None, ge=2)
    """Width in the bound ±√(6 / (n + width)) of the initial rows; ``dim`` if absent."""


class NegativeSettings(MethodSettings):
    """A method that samples unobserved items."""

    negatives: int = Field(1, ge=1)
    """Unobserved items drawn for each pair, N."""


class DirectSpecSettings(MethodSettings):
    """DirectSpec (algorithm 2)."""

    alpha: float = Field(0.05, ge=0)
    """Step α of the filter; safe up to 1 / σ₁² of the unit rows of a batch."""
    shrink: float = Field(0.0, ge=0)
    """Factor of the rescaling shrink · ‖z‖ · z after balancing; 0 for none."""


class DirectSpecPlusSettings(MethodSettings):
    """DirectSpec+ (equation 22)."""

    alpha: float = Field(0.8, ge=0)
    """Step α of the filter."""
    tau: float = Field(3.0, gt=0)
    """Inverse temperature τ of the softmax; with graph distance that of far pairs, τ₁; with
    attention the top of its range."""
    tau_design: Literal["constant", "graph", "attention"] = "constant"
    """One τ for all pairs, two by distance on the graph, or learned by attention."""
    tau_near: float | None = Field(None, gt=0)
    """τ₀ ≤ τ₁ of pairs within ``graph_distance``, for ``tau_design = graph``."""
    graph_distance: int = Field(2, ge=1)
    """Distance K up to which a pair counts as near."""
    shrink: float = Field(0.0, ge=0)
    """Factor of the rescaling shrink · ‖z‖ · z after balancing; 0 for none."""

    @model_validator(mode="after")
    def _tau_fits(self) -> DirectSpecPlusSettings:
        if (self.tau_design == "graph") != (self.tau_near is not None):
            raise ValueError("tau_near together with tau_design = graph, or neither")
        if self.tau_near is not None and self.tau_near > self.tau:
            raise ValueError(f"tau_near of at most tau, {self.tau:g}")
        return self


@dataclass(frozen=True)
class Balancing:
    """What a balancer brings to a plan."""

    balance: Balance
    learned: nn.Module | None = None
    form: ClosedForm | None = None
    """The same for the compiled kernels, with no objective named yet."""


@dataclass(frozen=True)
class Method:
    """A row of the table.

    Args:
        summary: What it is, in a line.
        source: Where it comes from.
        objective: User, item and negative rows to a loss.
        settings: Its settings model.
        balancer: Makes its balancing from settings, data and a generator; nothing if absent.
        defaults: Values that differ from those of the settings model.
    """

    summary: str
    source: str
    objective: Objective
    settings: type[MethodSettings] = MethodSettings
    balancer: Callable[[Any, Interactions, torch.Generator], Balancing] | None = None
    defaults: Mapping[str, Any] = field(default_factory=dict)
    kernel: str | None = None
    """The objective's name in `fullrank.native`, if it is there."""


def _positive(loss: Callable[[Tensor, Tensor], Tensor]) -> Objective:
    return lambda user, item, _: loss(user, item)


def _pairwise(loss: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Objective:
    def objective(user: Tensor, item: Tensor, negative: Tensor | None) -> Tensor:
        if negative is None:
            raise SettingError("objective", "no negatives", "negatives >= 1")
        return loss(user, item, negative)

    return objective


def _direct_spec(
    settings: DirectSpecSettings, data: Interactions, generator: torch.Generator
) -> Balancing:
    del data, generator
    balancer = DirectSpec(settings.alpha, settings.shrink)
    values = {"alpha": settings.alpha, "shrink": settings.shrink}
    form = ClosedForm("", "directspec", values, watch=balancer.watch)
    return Balancing(lambda pair, batch: balancer(pair), form=form)  # noqa: ARG005


def _direct_spec_plus(
    settings: DirectSpecPlusSettings, data: Interactions, generator: torch.Generator
) -> Balancing:
    if settings.tau_design == "attention":
        tau = AttentionTau(settings.dim, settings.tau, sides=2, generator=generator)
        learned = DirectSpecPlus(settings.alpha, tau, shrink=settings.shrink)
        return Balancing(lambda pair, batch: learned(pair), learned)  # noqa: ARG005
    balancer = DirectSpecPlus(settings.alpha, settings.tau, settings.tau_near, settings.shrink)
    values = {name: getattr(settings, name) for name in ("alpha", "tau", "shrink")}
    if settings.tau_design == "constant":
        form = ClosedForm("", "directspec+", values)
        return Balancing(lambda pair, batch: balancer(pair), form=form)  # noqa: ARG005
    nearness = Nearness(data, settings.graph_distance)

    def by_distance(pair: Tensor, batch: Batch) -> Tensor:
        near = torch.from_numpy(nearness.both(batch.user_idx, batch.item_idx))
        balanced: Tensor = balancer(pair, near.to(pair.device))
        return balanced

    values["tau_near"] = settings.tau_near
    return Balancing(by_distance, form=ClosedForm("", "directspec+", values, nearness))


METHODS: Mapping[str, Method] = {
    "directspec+": Method(
        summary="positives only, spectrum balanced with self-paced weights",
        source="Peng et al., Balancing Embedding Spectrum for Recommendation, equation 22",
        objective=_positive(objectives.log_positive),
        kernel="log-positive",
        settings=DirectSpecPlusSettings,
        balancer=_direct_spec_plus,
    ),
    "directspec": Method(
        summary="positives only, spectrum balanced by the all-pass filter",
        source="Peng et al., Balancing Embedding Spectrum for Recommendation, algorithm 2",
        objective=_positive(objectives.log_positive),
        kernel="log-positive",
        settings=DirectSpecSettings,
        balancer=_direct_spec,
    ),
    "bpr": Method(
        summary="observed items above sampled ones, pair by pair",
        source="Rendle et al., UAI 2009",
        objective=_pairwise(objectives.bpr),
        kernel="bpr",
        settings=NegativeSettings,
    ),
    "bce": Method(
        summary="observed pairs against N sampled ones, binary cross-entropy",
        source="Peng et al., equation 2",
        objective=_pairwise(objectives.bce),
        kernel="bce",
        settings=NegativeSettings,
    ),
    "log-positive": Method(
        summary="observed pairs alone, log loss: shows the complete collapse",
        source="Peng et al., section III-A",
        objective=_positive(objectives.log_positive),
        kernel="log-positive",
    ),
    "euclidean-positive": Method(
        summary="observed pairs alone, squared distance: collapses fastest",
        source="Peng et al., section III-A, figure 2",
        objective=_positive(objectives.euclidean_positive),
        kernel="euclidean-positive",
        defaults={"lr": 1.0},
    ),
}


def method_named(name: str) -> Method:
    """The row of that name.

    Raises:
        SettingError: there is none; the message names the nearest.
    """
    if name not in METHODS:
        raise SettingError("method", repr(name), nearest(name, METHODS))
    return METHODS[name]


def settings_of(name: str, values: Mapping[str, Any]) -> MethodSettings:
    """Checked settings of a method: its defaults with ``values`` on top.

    Raises:
        SettingError: see `fullrank.settings.Settings.build`.
    """
    method = method_named(name)
    return method.settings.build({**method.defaults, **values})


def plan_of(name: str, settings: MethodSettings, data: Interactions, device: str) -> Plan:
    """Everything the training loop needs, with parameters at their initial values."""
    method = method_named(name)
    generator = torch.Generator().manual_seed(settings.seed)
    negatives = settings.negatives if isinstance(settings, NegativeSettings) else 0
    balancing = method.balancer(settings, data, generator) if method.balancer else None
    learned = balancing.learned if balancing else None
    return Plan(
        encoder=_mf(settings, data, generator, device),
        sampler=PairSampler(data, settings.sampler, negatives),
        objective=method.objective,
        balance=balancing.balance if balancing else None,
        learned=learned.to(device) if learned is not None else None,
        closed_form=_closed_form(method, balancing),
        device=device,
    )


def _closed_form(method: Method, balancing: Balancing | None) -> ClosedForm | None:
    if method.kernel is None:
        return None
    form = ClosedForm("") if balancing is None else balancing.form
    return None if form is None else replace(form, objective=method.kernel)


def _mf(
    settings: MethodSettings, data: Interactions, generator: torch.Generator, device: str
) -> Encoder:
    tables = (
        uniform_table(n, settings.dim, generator, settings.init_dim)
        for n in (data.n_users, data.n_items)
    )
    return MF(*(table.to(device) for table in tables))
