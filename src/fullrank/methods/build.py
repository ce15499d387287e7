"""From a row of the table and its settings to what the training loop runs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from fullrank.data.interactions import Interactions
from fullrank.data.sampling import PairSampler, Sampler
from fullrank.encoders import MF
from fullrank.engine.compiled import ClosedForm
from fullrank.methods.encoding import encoder_of
from fullrank.methods.row import Balancing, Method
from fullrank.training.loop import Plan


def plan_of(method: Method, settings: Any, data: Interactions, device: str) -> Plan:
    """Everything the training loop needs, with parameters at their initial values."""
    generator = torch.Generator().manual_seed(settings.seed)
    balancing = method.balancer(settings, data, generator) if method.balancer else None
    learned = balancing.learned if balancing else None
    if method.encoder is not None:
        encoder = method.encoder(settings, data, generator, device)
    else:
        views = method.views(settings, data) if method.views else None
        encoder = encoder_of(settings, data, generator, device, views)
    dropout = getattr(settings, "dropout", 0.0)
    return Plan(
        encoder=encoder,
        sampler=_sampler(method, settings, data),
        objective=method.objective(settings),
        balance=balancing.balance if balancing else None,
        learned=learned.to(device) if learned is not None else None,
        closed_form=_closed_form(method, settings, balancing),
        static=isinstance(encoder, MF) and not dropout and (balancing is None or balancing.static),
        device=device,
        dropout=dropout,
    )


def _sampler(method: Method, settings: Any, data: Interactions) -> Sampler:
    if method.sampler is not None:
        return method.sampler(settings, data)
    return PairSampler(
        data,
        settings.sampler,
        getattr(settings, "negatives", 0),
        damping=settings.damping,
        systematic=settings.systematic,
        shared=getattr(settings, "shared_negatives", False),
        threads=torch.get_num_threads(),
    )


def _closed_form(method: Method, settings: Any, balancing: Balancing | None) -> ClosedForm | None:
    if method.kernel is None:
        return None
    form = ClosedForm("") if balancing is None else balancing.form
    if form is None:
        return None
    values = {name: getattr(settings, name) for name in method.kernel_values}
    return replace(form, objective=method.kernel, values={**form.values, **values})
