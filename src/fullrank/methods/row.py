"""What a row of the method table says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from fullrank.data.interactions import Interactions
from fullrank.data.sampling import Sampler
from fullrank.encoders import Encoder, Rows
from fullrank.encoders.lightgcn import Views
from fullrank.engine.compiled import ClosedForm
from fullrank.errors import SettingError
from fullrank.methods.settings import EncoderSettings, SolvedSettings, TrainedSettings
from fullrank.serving.scorers import DotScorer, HistoryScorer
from fullrank.training.loop import Balance, Objective

MakeObjective = Callable[[Any], Objective]
"""Settings to the loss of a batch."""


@dataclass(frozen=True)
class Balancing:
    """What a balancer brings to a plan."""

    balance: Balance
    learned: nn.Module | None = None
    form: ClosedForm | None = None
    """The same for the compiled kernels, with no objective named yet."""
    static: bool = False
    """Whether it looks at the rows alone, with the same operations for every batch."""


@dataclass(frozen=True)
class Method:
    """A row of the table: a method that is trained.

    Args:
        summary: What it is, in a line.
        source: Where it comes from.
        objective: Settings to a loss of the rows of a batch; `of_pairs` and `of_triples` make it of
            a plain function.
        settings: Its settings model.
        balancer: Makes its balancing from settings, data and a generator; nothing if absent.
        defaults: Values that differ from those of the settings model.
        kernel: The objective's name in `fullrank.native`, if it is there.
        kernel_values: The settings that it needs there.
        views: Makes, from the settings and the data, what the objective compares beside the rows of
            the batch; for methods on a graph.
        encoder: Makes its encoder from settings, data, a generator and a device; free rows or
            LightGCN, as the settings say, if absent.
        sampler: Makes its sampler from settings and data; observed pairs, with the settings'
            ``negatives``, if absent.
        cosine: Whether it ranks by the cosine, as it was trained: the rows that the model keeps are
            of unit length.
    """

    summary: str
    source: str
    objective: MakeObjective
    settings: type[TrainedSettings] = EncoderSettings
    balancer: Callable[[Any, Interactions, torch.Generator], Balancing] | None = None
    defaults: Mapping[str, Any] = field(default_factory=dict)
    kernel: str | None = None
    kernel_values: tuple[str, ...] = ()
    views: Callable[[Any, Interactions], Views] | None = None
    encoder: Callable[[Any, Interactions, torch.Generator, str], Encoder] | None = None
    sampler: Callable[[Any, Interactions], Sampler] | None = None
    cosine: bool = False


@dataclass(frozen=True)
class SolvedMethod:
    """A row of the table: a method that is computed at once.

    Args:
        summary: What it is, in a line.
        source: Where it comes from.
        solve: Makes what ranks from settings, data and a device.
        settings: Its settings model.
        defaults: Values that differ from those of the settings model.
    """

    summary: str
    source: str
    solve: Callable[[Any, Interactions, str], DotScorer | HistoryScorer]
    settings: type[SolvedSettings] = SolvedSettings
    defaults: Mapping[str, Any] = field(default_factory=dict)


def of_pairs(loss: Callable[..., Tensor], *names: str) -> MakeObjective:
    """``loss(user, item, **settings)`` with the settings of these names."""

    def make(settings: Any) -> Objective:
        values = _values(settings, names)
        return lambda rows: loss(rows.pair[0], rows.pair[1], **values)

    return make


def of_triples(loss: Callable[..., Tensor], *names: str) -> MakeObjective:
    """``loss(user, item, negative, **settings)`` with the settings of these names.

    Where the method has dropout, what it keeps comes after the negatives.
    """

    def make(settings: Any) -> Objective:
        values = _values(settings, names)
        return lambda rows: loss(
            rows.pair[0], rows.pair[1], _negative(rows), *rows.others, **values
        )

    return make


def of_views(loss: Callable[..., Tensor], *names: str) -> MakeObjective:
    """``loss(user, item, negative, views, **settings)`` with the settings of these names."""

    def make(settings: Any) -> Objective:
        values = _values(settings, names)
        return lambda rows: loss(rows.pair[0], rows.pair[1], _negative(rows), rows.others, **values)

    return make


def _values(settings: Any, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in names}


def _negative(rows: Rows) -> Tensor:
    if rows.negative is None:
        raise SettingError("objective", "no negatives", "negatives >= 1")
    return rows.negative
