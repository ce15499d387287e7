"""Training steps over workers: which methods have them, their loss and their balance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor

from fullrank.data import Interactions
from fullrank.data.sampling import Batch
from fullrank.encoders import Rows, TensorBatch
from fullrank.engine.step import Balance, Loss, Step
from fullrank.errors import SettingError
from fullrank.methods import DirectSpec, DirectSpecPlus, Method
from fullrank.methods.balanced import BalancedMethod
from fullrank.methods.base import PairMethod, TrainedMethod
from fullrank.scale.balance import direct_spec_plus_rows, direct_spec_rows
from fullrank.scale.gathering import gathered, summed_over
from fullrank.scale.tables import ShardedMF
from fullrank.spectrum.balance import shrink_rows
from fullrank.spectrum.repeats import occurrence_weights
from fullrank.spectrum.rows import unit_rows

Balancing = Literal["global", "local"]
"""Rows are balanced against the whole batch, or against those of their worker alone."""

PAIR_BY_PAIR = (
    "bce",
    "bpr",
    "ccl",
    "directspec",
    "directspec+",
    "euclidean",
    "euclidean-positive",
    "lightgcn",
    "log-positive",
    "softmax",
)
"""Methods whose loss is a mean over the pairs of a batch, each with its own rows."""


def check_method(method: Method) -> TrainedMethod:
    """The method, if it is one that several workers can train.

    Raises:
        SettingError: it is not, or not with these settings.
    """
    if not isinstance(method, TrainedMethod) or method.name not in PAIR_BY_PAIR:
        raise SettingError(
            f"workers, method {method.name}", "one that needs all rows at once or no epochs",
            f"one of {', '.join(PAIR_BY_PAIR)}",
        )  # fmt: skip
    if isinstance(method, PairMethod) and method.encoder != "mf" and method.propagation == "exact":
        raise SettingError(
            "workers, setting encoder", f"{method.encoder!r} with propagation = 'exact'",
            "propagation = 'factored', or encoder = 'mf'",
        )  # fmt: skip
    for name, wanted in _wanted(method).items():
        value = getattr(method, name)
        if value != wanted:
            raise SettingError(f"workers, setting {name}", repr(value), repr(wanted))
    return method


def check_weights(method: TrainedMethod, train: Interactions) -> None:
    """Sees that edges of a graph need no weights, which workers do not get.

    Raises:
        SettingError: they do.
    """
    if train.weight is not None and method.uses_weights and method.weighting != "none":
        expected = "weighting = 'none', or encoder = 'mf'"
        raise SettingError("workers, setting encoder", "'lightgcn' on weights", expected)


def _wanted(method: TrainedMethod) -> dict[str, object]:
    """What settings have to be, of those that the method has."""
    wanted = {
        "dropout": 0.0,
        "weighted": False,
        "balance": "filter",
        "tau_design": "constant",
        "precision": "float32",
        "record_correlation": False,
        "cutoff": None,
    }
    return {name: value for name, value in wanted.items() if name in type(method).model_fields}


def sharded_step(
    method: TrainedMethod, encoder: ShardedMF, balancing: Balancing, device: str
) -> Step:
    """The step of a worker, whose losses add up over all workers to that of the batch."""
    plain = method.build_step(None, device)
    balance = None
    if isinstance(method, BalancedMethod):
        balance = _balance(method, encoder, balancing)
    loss = Loss(_share_of(plain.loss.function, method.batch_size))
    return replace(plain, loss=loss, balance=balance)


def needs_batch(method: TrainedMethod, balancing: Balancing) -> bool:
    """Whether every worker has to know users and items of the whole batch."""
    return isinstance(method, BalancedMethod) and method.distinct and balancing == "global"


def _share_of(function: Callable[[Rows], Tensor], batch_size: int) -> Callable[[Rows], Tensor]:
    """A mean over a batch, from one over a part of it: the sum over its pairs, over B."""

    def loss(rows: Rows) -> Tensor:
        own = rows.pair.shape[1]
        if own:
            return function(rows) * (own / batch_size)
        # Its gradients are zeros, and the collectives of the backward pass wait for every worker.
        empty = rows.pair.sum()
        return empty if rows.negative is None else empty + 0 * rows.negative.sum()

    return loss


def _balance(method: BalancedMethod, encoder: ShardedMF, balancing: Balancing) -> Balance:
    if balancing == "local":
        alone = method.build_balance(None, torch.Generator())  # type: ignore[arg-type]
        assert alone is not None  # noqa: S101  # `check_method` has seen to it
        return Balance(
            lambda pair, batch, indices: (
                alone.apply(pair, batch, indices) if pair.shape[1] else pair
            )
        )
    filtered: Callable[[Tensor, ShardedMF], Tensor]
    if isinstance(method, DirectSpecPlus):
        alpha, tau = method.alpha, method.tau

        def filtered(h: Tensor, encoder: ShardedMF) -> Tensor:
            rows = gathered(h.transpose(0, 1), encoder.now.counts, encoder.group)
            weight = _weights(encoder, h)
            return direct_spec_plus_rows(h, rows.transpose(0, 1), alpha, tau, weight)

    elif isinstance(method, DirectSpec):
        alpha = method.alpha

        def filtered(h: Tensor, encoder: ShardedMF) -> Tensor:
            weight = _own(_weights(encoder, h), encoder)
            weighted = h if weight is None else h * weight.unsqueeze(-1)
            return direct_spec_rows(h, summed_over(h.mT @ weighted, encoder.group), alpha)

    else:
        raise SettingError(f"workers, method {method.name}", "an unknown balance", "another method")

    def apply(pair: Tensor, batch: Batch, indices: TensorBatch) -> Tensor:
        del batch, indices
        return shrink_rows(filtered(unit_rows(pair), encoder), method.shrink)

    return Balance(apply)


def _weights(encoder: ShardedMF, h: Tensor) -> Tensor | None:
    """(2, B) what each occurrence of a row weighs in the whole batch; None if one each."""
    users, items = encoder.now.batch_users, encoder.now.batch_items
    if users is None or items is None:
        return None
    return occurrence_weights(torch.stack((users, items)), h.dtype)


def _own(weight: Tensor | None, encoder: ShardedMF) -> Tensor | None:
    """(2, b) of this worker's pairs."""
    if weight is None:
        return None
    first = sum(encoder.now.counts[: encoder.group.rank])
    return weight[:, first : first + encoder.now.counts[encoder.group.rank]]
