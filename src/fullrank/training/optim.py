"""Update rules that touch the rows of a gradient and no others."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from fullrank.encoders import zeros
from fullrank.encoders.adding import add_rows
from fullrank.engine.step import Optimizer, Rule
from fullrank.training.missed import MissedSteps

BLOCK_ROWS = 2**16
"""Rows of a whole table that are caught up at a time."""


class _NothingMissed:
    """A rule that leaves rows alone in the steps that do not draw them."""

    def catch_up(self, name: str, table: Tensor, rows: Tensor | None, lr: float) -> None:
        """See `Optimizer.catch_up`."""


class SGD(_NothingMissed):
    """``x ← x - lr · g``; keeps no state."""

    rule: ClassVar[Rule] = "sgd"

    def __init__(self) -> None:
        self.state: dict[str, Tensor] = {}
        self.constants: dict[str, float] = {}

    def prepared(self, name: str, table: Tensor) -> dict[str, Tensor]:  # noqa: ARG002
        """See `Optimizer.prepared`."""
        return {}

    def step(self, name: str, table: Tensor, rows: Tensor | None, grad: Tensor, lr: float) -> None:  # noqa: ARG002
        """See `Optimizer.step`."""
        if rows is None:
            table.sub_(grad, alpha=lr)
        else:
            add_rows(table, rows, grad, -lr)


def _remembered(state: dict[str, Tensor], name: str, like: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tables of ``state`` for one parameter, zeros of the same shape where there are none."""
    for key, table in like.items():
        if f"{name}.{key}" not in state:
            state[f"{name}.{key}"] = zeros(*table.shape).to(table)
    return {key: state[f"{name}.{key}"] for key in like}


class Adagrad(_NothingMissed):
    """``s ← s + g²; x ← x - lr · g / (√s + ε)`` for the rows of the batch.

    Source: Duchi et al., JMLR 2011.
    """

    rule: ClassVar[Rule] = "adagrad"

    def __init__(self, eps: float = 1e-10) -> None:
        self.constants = {"eps": eps}
        self.state: dict[str, Tensor] = {}

    def prepared(self, name: str, table: Tensor) -> dict[str, Tensor]:
        """See `Optimizer.prepared`."""
        return _remembered(self.state, name, {"square": table})

    def step(self, name: str, table: Tensor, rows: Tensor | None, grad: Tensor, lr: float) -> None:
        """See `Optimizer.step`."""
        total = self.prepared(name, table)["square"]
        if rows is None:
            total.addcmul_(grad, grad)
            table.addcdiv_(grad, total.sqrt().add_(self.constants["eps"]), value=-lr)
            return
        rows, grad = summed(rows, grad)
        new = total.index_select(0, rows).addcmul_(grad, grad)
        total.index_copy_(0, rows, new)
        table.index_add_(0, rows, grad / new.sqrt_().add_(self.constants["eps"]), alpha=-lr)


class Adam(_NothingMissed):
    """Adam whose moments and step count belong to each row and move only with that row.

    A row that has not been drawn keeps its moments, so a step costs what its batch costs. Each row
    is trained as if its own steps were all there are: see `DenseAdam` for what torch makes of the
    same gradients.
    Source: Kingma & Ba, ICLR 2015, algorithm 1, a row at a time.
    """

    rule: ClassVar[Rule] = "adam"

    def __init__(self, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8) -> None:
        self.constants = {"beta1": beta1, "beta2": beta2, "eps": eps}
        self.state: dict[str, Tensor] = {}

    def prepared(self, name: str, table: Tensor) -> dict[str, Tensor]:
        """See `Optimizer.prepared`."""
        count = table[:, :1] if table.ndim > 1 else table  # a vector's rows are its numbers
        like = {"mean": table, "square": table, "count": count}
        return _remembered(self.state, name, like)

    def step(self, name: str, table: Tensor, rows: Tensor | None, grad: Tensor, lr: float) -> None:
        """See `Optimizer.step`."""
        mean, square, count = self.prepared(name, table).values()
        beta1, beta2 = self.constants["beta1"], self.constants["beta2"]
        if rows is None:
            count.add_(1)
            mean.lerp_(grad, 1 - beta1)
            square.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
            scale = (square / (1 - beta2**count)).sqrt_().add_(self.constants["eps"])
            table.addcdiv_(mean / (1 - beta1**count), scale, value=-lr)
            return
        rows, grad = summed(rows, grad)
        new_count = count.index_select(0, rows).add_(1)
        new_mean = mean.index_select(0, rows).lerp_(grad, 1 - beta1)
        new_square = square.index_select(0, rows).lerp_(grad.square(), 1 - beta2)
        count.index_copy_(0, rows, new_count)
        mean.index_copy_(0, rows, new_mean)
        square.index_copy_(0, rows, new_square)
        unbiased = new_mean / (1 - beta1**new_count)
        scale = (new_square / (1 - beta2**new_count)).sqrt_().add_(self.constants["eps"])
        table.index_add_(0, rows, unbiased / scale, alpha=-lr)


class DenseAdam:
    """Adam of whole tables, as ``torch.optim.Adam``, at the cost of the rows of a batch.

    There, a row that is not drawn moves on with moments that decay. Here it stands still until it
    is wanted, and `catch_up` then makes all moves that it missed at once, by `MissedSteps`: exactly
    where ε is small beside √v, and nearly where it is not (tests have the bounds). Whoever reads
    rows calls it first; learning rates must not change between two calls for whole tables.
    Source: Kingma & Ba, ICLR 2015, algorithm 1.
    """

    rule: ClassVar[Rule] = "dense-adam"

    def __init__(self, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8) -> None:
        self.constants = {"beta1": beta1, "beta2": beta2, "eps": eps}
        self.state: dict[str, Tensor] = {}
        self.missed = MissedSteps(beta1, beta2)

    def prepared(self, name: str, table: Tensor) -> dict[str, Tensor]:
        """See `Optimizer.prepared`: ``last`` is the step a row is up to, ``clock`` the table."""
        if f"{name}.clock" not in self.state:
            for key, n in (("last", len(table)), ("clock", 1)):
                whole = torch.zeros(n, 1, dtype=torch.int64, device=table.device)
                self.state[f"{name}.{key}"] = whole
        moments = _remembered(self.state, name, {"mean": table, "square": table})
        return moments | {key: self.state[f"{name}.{key}"] for key in ("last", "clock")}

    def catch_up(self, name: str, table: Tensor, rows: Tensor | None, lr: float) -> None:
        """See `Optimizer.catch_up`."""
        last, clock = (self.prepared(name, table)[key] for key in ("last", "clock"))
        if rows is None:
            behind = (last[:, 0] < clock[0]).nonzero()[:, 0]
        else:
            rows = torch.unique(rows)
            behind = rows[last[rows, 0] < clock[0]]
        for block in torch.split(behind, BLOCK_ROWS):
            if len(block):
                self._catch_up(name, table, block, lr)

    def _catch_up(self, name: str, table: Tensor, rows: Tensor, lr: float) -> None:
        mean, square, last, clock = self.prepared(name, table).values()
        now, old, moment = int(clock.item()), last[rows], mean[rows]
        root, eps = square[rows].sqrt(), self.constants["eps"]
        moved = torch.zeros_like(moment)
        for weight, factor in zip(*self.missed.nodes(old, now), strict=True):
            moved += weight.to(table) * moment / (root + eps * factor.to(table))
        table.index_add_(0, rows, moved, alpha=-lr)
        gone = (now - old).double()
        mean.index_copy_(0, rows, moment * (self.constants["beta1"] ** gone).to(table))
        square.index_copy_(0, rows, square[rows] * (self.constants["beta2"] ** gone).to(table))
        last.index_fill_(0, rows, now)

    def step(self, name: str, table: Tensor, rows: Tensor | None, grad: Tensor, lr: float) -> None:
        """See `Optimizer.step`."""
        self.catch_up(name, table, rows, lr)
        mean, square, last, clock = self.prepared(name, table).values()
        beta1, beta2 = self.constants["beta1"], self.constants["beta2"]
        clock += 1
        now = int(clock.item())
        if rows is None:
            new_mean, new_square = mean.lerp_(grad, 1 - beta1), square.lerp_(grad**2, 1 - beta2)
            last.fill_(now)
        else:
            rows, grad = summed(rows, grad)
            new_mean = mean.index_select(0, rows).lerp_(grad, 1 - beta1)
            new_square = square.index_select(0, rows).lerp_(grad.square(), 1 - beta2)
            mean.index_copy_(0, rows, new_mean)
            square.index_copy_(0, rows, new_square)
            last.index_fill_(0, rows, now)
        scale = (new_square / (1 - beta2**now)).sqrt_().add_(self.constants["eps"])
        moved = new_mean / (1 - beta1**now) / scale
        if rows is None:
            table.sub_(moved, alpha=lr)
        else:
            table.index_add_(0, rows, moved, alpha=-lr)


def optimizer(name: Rule) -> Optimizer:
    """The update rule of that name, with nothing remembered yet."""
    rules: dict[Rule, type[SGD | Adagrad | Adam | DenseAdam]] = {
        "sgd": SGD,
        "adagrad": Adagrad,
        "adam": Adam,
        "dense-adam": DenseAdam,
    }
    return rules[name]()


def summed(rows: Tensor, grad: Tensor) -> tuple[Tensor, Tensor]:
    """Distinct rows and the sum of each one's gradients, for rules that are not linear.

    Shapes: ``rows`` (k,), ``grad`` (k, d); returns (m,) ascending and (m, d) with m ≤ k.
    """
    distinct, slot = torch.unique(rows, return_inverse=True)
    total = grad.new_zeros(len(distinct), grad.shape[1])
    return distinct, add_rows(total, slot, grad)
