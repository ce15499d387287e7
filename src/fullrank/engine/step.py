"""What a training step is: one frozen description, built once by a method, read by every engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol

import torch
from torch import Tensor, nn

from fullrank.data.graph import Nearness
from fullrank.data.sampling import Batch
from fullrank.encoders import Encoder, Rows, TensorBatch

Rule = Literal["sgd", "adagrad", "adam", "dense-adam"]
"""The update rules that optimisers and kernels have."""


@dataclass(frozen=True)
class Loss:
    """The loss of a batch: its formula in torch, and its name where kernels have it too.

    Args:
        function: Rows of a batch, balanced where the method balances, to the mean loss.
        kernel: What `fullrank.native` calls it; None where it has no compiled form.
        values: The numbers in its formula, by the names that both forms give them.
    """

    function: Callable[[Rows], Tensor]
    kernel: str | None = None
    values: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of_pairs(
        cls, function: Callable[..., Tensor], kernel: str | None = None, **values: Any
    ) -> Loss:
        """``function(user, item, **values)`` of (B, d) rows each."""
        return cls(lambda rows: function(rows.pair[0], rows.pair[1], **values), kernel, values)

    @classmethod
    def of_triples(
        cls, function: Callable[..., Tensor], kernel: str | None = None, **values: Any
    ) -> Loss:
        """``function(user, item, negative, **values)``, negative (B, N, d) or (1, N, d).

        Where the step has dropout, its mask comes after the negatives.
        """
        return cls(
            lambda rows: function(*rows.pair, _negative(rows), *rows.others, **values),
            kernel,
            values,
        )

    @classmethod
    def of_views(cls, function: Callable[..., Tensor], **values: Any) -> Loss:
        """``function(user, item, negative, views, **values)``."""
        return cls(
            lambda rows: function(*rows.pair, _negative(rows), rows.others, **values), None, values
        )


@dataclass(frozen=True)
class Balance:
    """What happens to the rows between encoder and loss.

    Args:
        apply: (2, B, d) rows of users and items, their batch, and its row numbers on the device
            that trains, to the (2, B, d) rows of the loss.
        kernel: ``directspec`` or ``directspec+``; None where it has no compiled form.
        values: ``alpha``, ``tau``, ``tau_near``, ``shrink`` and ``distinct``, as far as it has
            them.
        nearness: Which rows are near, where two values of τ depend on it.
        learned: Its parameters, if it has any.
        watch: Is shown the raw rows (2, B, d) of a batch and their numbers (2, B) now and then.
        static: Whether it looks at the rows and their numbers alone, on the device, with the same
            operations for every batch.
    """

    apply: Callable[[Tensor, Batch, TensorBatch], Tensor]
    kernel: str | None = None
    values: Mapping[str, float] = field(default_factory=dict)
    nearness: Nearness | None = None
    learned: nn.Module | None = None
    watch: Callable[[Tensor, Tensor], None] | None = None
    static: bool = False


@dataclass(frozen=True)
class Step:
    """A training step, complete when it is built.

    Args:
        loss: The loss of a batch.
        batch_size: Positive pairs B.
        balance: Nothing if absent.
        negatives: Sampled items of each pair, N.
        shared_negatives: Whether the pairs of a batch have the same N.
        dropout: Share of the numbers of the unit user rows that the loss leaves out.
        weight_decay: λ of the L2 penalty.
        device: Where the batches go.
    """

    loss: Loss
    batch_size: int
    balance: Balance | None = None
    negatives: int = 0
    shared_negatives: bool = False
    dropout: float = 0.0
    weight_decay: float = 0.0
    device: str = "cpu"

    @property
    def decay(self) -> float:
        """L2 penalty: adds ``decay * row`` to a row's gradient, once per occurrence in the batch.

        The loss is the mean over the batch, so is the penalty. The N negatives of a pair count as
        one occurrence together: see `fullrank.encoders.base.penalty_shares`.
        """
        return self.weight_decay / self.batch_size


class Optimizer(Protocol):
    """Writes gradients into parameters in place."""

    rule: ClassVar[Rule]

    @property
    def state(self) -> dict[str, Tensor]:
        """Everything it remembers between steps, by name; filled in place on resume."""
        ...

    @property
    def constants(self) -> dict[str, float]:
        """The numbers in its formula, by name."""
        ...

    def prepared(self, name: str, table: Tensor) -> dict[str, Tensor]:
        """What it remembers of one table, by short name, made anew where there is nothing yet."""
        ...

    def catch_up(self, name: str, table: Tensor, rows: Tensor | None, lr: float) -> None:
        """Makes the moves that ``table[rows]`` (all of it if None) missed while not drawn.

        To be called before rows are read, at the learning rate of the steps they missed. Rules by
        which a row that is not drawn stands still do nothing.
        """
        ...

    def step(self, name: str, table: Tensor, rows: Tensor | None, grad: Tensor, lr: float) -> None:
        """Updates ``table[rows]`` (all of it if rows is None); repeated rows get the sum.

        Shapes: ``table`` (n, d), ``rows`` (k,), ``grad`` (k, d) or like ``table``.
        """
        ...


class Engine(Protocol):
    """Makes the steps of one description on the parameters of one encoder."""

    name: ClassVar[str]
    most: int
    """Steps that it takes at a time, at most."""

    @classmethod
    def supports(cls, step: Step, encoder: Encoder, optimizer: Optimizer) -> str | None:
        """Why it cannot make these steps; None if it can."""
        ...

    def __init__(self, step: Step, encoder: Encoder, optimizer: Optimizer) -> None: ...

    def steps(self, batches: Batch, lr: float, losses: Tensor) -> None:
        """Makes a step of each row of ``batches`` (arrays (s, B) and (s, B, N)).

        Adds the loss of each step to ``losses``, a float64 scalar on the step's device.
        """
        ...


def _negative(rows: Rows) -> Tensor:
    if rows.negative is None:
        raise RuntimeError("the loss needs negatives, and the sampler drew none")
    return rows.negative


def parameters_of(step: Step, encoder: Encoder) -> dict[str, Tensor]:
    """All that is trained, by name: the encoder's tables, and what the balance learns."""
    learned = None if step.balance is None else step.balance.learned
    named = {} if learned is None else dict(learned.named_parameters())
    return encoder.parameters | {name: parameter.data for name, parameter in named.items()}


def catch_up(optimizer: Optimizer, encoder: Encoder, batch: TensorBatch | None, lr: float) -> None:
    """Lets the rows that a step on ``batch`` reads, or all without one, make what they missed."""
    if optimizer.rule != "dense-adam":  # by all other rules a row that is not drawn stands still
        return
    wanted = {} if batch is None else encoder.read_by(batch)
    for name, table in encoder.parameters.items():
        optimizer.catch_up(name, table, wanted.get(name), lr)


def on_gpu(step: Step) -> bool:
    """Whether the batches go to a GPU."""
    return torch.device(step.device).type == "cuda"
