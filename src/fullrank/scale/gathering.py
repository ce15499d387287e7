"""Collectives that carry gradients: rows of all workers, and sums over them.

The loss of a batch is the sum of what each worker computes of it. So a row that was gathered gets
the sum of the gradients that all workers have for it: not their mean, and not its own worker's
alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from fullrank.scale.group import Group


class _GatherRows(torch.autograd.Function):
    """Forward an all-gather; backward a reduce-scatter that sums."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, counts: Sequence[int], group: Group) -> Tensor:
        """Shapes: ``rows`` (n, ...); returns (Σ counts, ...)."""
        ctx.counts, ctx.group = counts, group
        return group.gather(rows, counts).view(-1, *rows.shape[1:])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        """The sum over workers of the gradients of this worker's rows."""
        return ctx.group.scatter_sum(grad.contiguous(), ctx.counts), None, None


class _SumOverWorkers(torch.autograd.Function):
    """Forward an all-reduce; backward an all-reduce, as each worker's loss depends on the sum."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, group: Group) -> Tensor:
        """Shapes: any; returns the same."""
        ctx.group = group
        return group.all_reduce(value)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        """The sum over workers of the gradients of the sum."""
        return ctx.group.all_reduce(grad), None


def gathered(rows: Tensor, counts: Sequence[int], group: Group) -> Tensor:
    """The rows (n, ...) of all workers, (Σ counts, ...); gradients go back to their owners."""
    found: Tensor = _GatherRows.apply(rows, counts, group)  # type: ignore[no-untyped-call]
    return found


def summed_over(value: Tensor, group: Group) -> Tensor:
    """The sum of ``value`` over all workers, through which gradients go back to all of them."""
    found: Tensor = _SumOverWorkers.apply(value, group)  # type: ignore[no-untyped-call]
    return found
