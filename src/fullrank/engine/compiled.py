"""Steps in compiled code, on two tables in the memory of the processor."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any, ClassVar

import torch
from numpy.typing import NDArray
from torch import Tensor

from fullrank import native
from fullrank.data.sampling import Batch
from fullrank.encoders import Encoder, FreeRows, TensorBatch
from fullrank.engine.dropout import pair_keys
from fullrank.engine.step import Optimizer, Step

LARGEST_EXPONENT = 85.0
"""Bound on τ + ln B, the log of the largest row sum of exp(τ cos) in a batch of B.

The kernels do not subtract the maximum. Float32 ends at 88.7; beyond 86 the reciprocals of the sums
lose digits (measured against float64: an error of 7e-5 at 86.9, of 9e-4 at 88.3, else of 4e-5)."""


class CompiledEngine:
    """Gather, balance, loss, gradient and update of many steps in one call of the kernels."""

    name: ClassVar[str] = "compiled"
    most = 512

    def __init__(self, step: Step, encoder: Encoder, optimizer: Optimizer) -> None:
        self.description = step
        self.encoder = encoder
        self.optimizer = optimizer

    @classmethod
    def supports(cls, step: Step, encoder: Encoder, optimizer: Optimizer) -> str | None:
        """See `fullrank.engine.step.Engine.supports`."""
        del optimizer
        rows = encoder.free_rows
        if rows is None:
            return "embeddings are not rows of two tables"
        return no_kernel(step, encoder) or _no_low_rank(step, encoder, rows)

    def steps(self, batches: Batch, lr: float, losses: Tensor) -> None:
        """See `fullrank.engine.step.Engine.steps`."""
        optimizer, watch = self.optimizer, watch_of(self.description)
        step = native.OptimizerStep(
            optimizer.rule, lr, self.description.decay, **optimizer.constants
        )
        tables = self._table("user_table"), self._table("item_table")
        negatives = batches.negative_idx
        drawn: tuple[NDArray[Any] | None, ...] = ()
        if negatives is not None:
            drawn = negatives, keys_of(batches, self.description)
        if watch is not None:
            users, items = (torch.from_numpy(each[0]) for each in batches[:2])
            pair = self.encoder.rows(TensorBatch(users, items, None)).pair.detach()
            watch(pair, torch.stack((users, items)))
        total = losses.item()
        run = self._kernel.run(tables, step, batches.user_idx, batches.item_idx, *drawn)
        for loss in run.tolist():
            total += loss  # one by one: the sum must not depend on how steps are stacked
        losses.fill_(total)

    def _table(self, name: str) -> native.ParameterTable:
        table = self.encoder.parameters[name]
        state = self.optimizer.prepared(name, table)
        arrays = {key: each.numpy() for key, each in state.items()}
        return native.ParameterTable(table.numpy(), arrays)

    @cached_property
    def _kernel(self) -> Any:
        step, rows = self.description, self.encoder.free_rows
        if step.negatives:
            return negative_steps(step, self.encoder.shape)
        low_rank = None if rows is None or rows.low_rank is None else rows.low_rank()
        return pair_steps(step, self.encoder.shape, low_rank)


def no_kernel(step: Step, encoder: Encoder) -> str | None:
    """Why the kernels cannot take a step's loss and balance on an encoder's tables; None if not."""
    if not native.available():
        return f"no compiled kernels: {native.state()}"
    if step.loss.kernel is None:
        return "the loss has no compiled form"
    return _unfit_tables(encoder) or _unfit_balance(step)


def _unfit_tables(encoder: Encoder) -> str | None:
    for name, table in encoder.parameters.items():
        if table.device.type != "cpu":
            return f"{name} on {table.device}"
        if table.dtype != torch.float32:
            return f"{name} of {table.dtype}"
        if not table.is_contiguous():
            return f"{name} in pieces"
    return None


def _unfit_balance(step: Step) -> str | None:
    balance = step.balance
    if balance is None:
        return None
    if balance.kernel is None:
        return "the balance has no compiled form"
    largest_tau = LARGEST_EXPONENT - math.log(step.batch_size)
    if balance.values.get("tau", 0.0) > largest_tau:
        return f"tau above {largest_tau:.3g} in batches of {step.batch_size}"
    if balance.nearness is not None and balance.nearness.distance >= 4:
        return "graph distance of 4 or more"
    if balance.nearness is not None and step.batch_size > 4096:
        return "graph distance in batches above 4096"
    return None


def _no_low_rank(step: Step, encoder: Encoder, rows: FreeRows) -> str | None:
    if rows.low_rank is None:
        return None
    if step.loss.kernel not in native.PAIRWISE:
        return "sampled items on factored propagation"
    if encoder.shape[2] % native.VECTOR:
        return f"a width that is no multiple of {native.VECTOR} on factored propagation"
    return None


def pair_steps(
    step: Step, shape: tuple[int, int, int], low_rank: native.LowRank | None = None
) -> native.PairSteps:
    """The compiled steps on observed pairs, on tables of ``shape`` (U, I, d)."""
    balance, nearness = step.balance, None if step.balance is None else step.balance.nearness
    return native.PairSteps(
        shape,
        step.batch_size,
        torch.get_num_threads(),
        objective=step.loss.kernel or "",
        balance="none" if balance is None else balance.kernel or "",
        values=None if balance is None else balance.values,
        graph=None if nearness is None else nearness.neighbours(),
        by_distance=nearness is not None,
        low_rank=low_rank,
    )


def negative_steps(step: Step, shape: tuple[int, int, int]) -> native.NegativeSteps:
    """The compiled steps against sampled items, on tables of ``shape`` (U, I, d)."""
    dropout = {"dropout": step.dropout} if step.dropout else {}
    return native.NegativeSteps(
        shape,
        step.batch_size,
        step.negatives,
        torch.get_num_threads(),
        step.loss.kernel or "",
        {**step.loss.values, **dropout},
        shared=step.shared_negatives,
    )


def keys_of(batch: Batch, step: Step) -> NDArray[Any] | None:
    """What dropout goes by, if the step has it."""
    return pair_keys(batch) if step.dropout else None


def watch_of(step: Step) -> Any:
    """What is shown the raw rows of a batch now and then, if anything."""
    return None if step.balance is None else step.balance.watch
