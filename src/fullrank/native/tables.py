"""Parameter tables and how an optimiser moves their rows, as the kernels take them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fullrank.native import abi

_RULES = {"sgd": 0, "adagrad": 1, "adam": 2, "keep": 3}
"""``keep`` moves nothing and puts the gradient of each row in ``square``."""
_STATE = {
    "sgd": (),
    "adagrad": ("square",),
    "adam": ("square", "mean", "count"),
    "keep": ("square",),
}
"""The arrays that a rule keeps beside a table."""


@dataclass(frozen=True)
class Moves:
    """How rows move: the rule, the penalty on rows, and the rule's constants."""

    rule: Literal["sgd", "adagrad", "adam", "keep"] = "sgd"
    lr: float = 1.0
    decay: float = 0.0
    """Times the row is added to its gradient, for each time that the batch has it; N negatives of a
    pair count as one."""
    eps: float = 0.0
    beta1: float = 0.0
    beta2: float = 0.0


@dataclass(frozen=True)
class Side:
    """The table of one side, (n, d) float32, and the optimiser's arrays for it."""

    table: NDArray[np.float32]
    state: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    """``square`` for Adagrad; ``square``, ``mean`` and ``count`` for Adam."""


Sides = tuple[Side, Side]


def packed(sides: Sides, moves: Moves, n: tuple[int, int], dim: int) -> tuple[Any, abi.Update]:
    """The structs of two tables, (n[0], d) and (n[1], d), and of the step that they take.

    Raises:
        TypeError: an array of another dtype or layout.
        ValueError: an array of another shape; an array that the rule needs and that is missing.
    """
    tables = (abi.Table * 2)()
    names = ("user table", "item table")
    for table, name, side, rows in zip(tables, names, sides, n, strict=True):
        _fill(table, name, side, moves.rule, (rows, dim))
    constants = moves.lr, moves.decay, moves.eps, moves.beta1, moves.beta2
    return tables, abi.Update(_RULES[moves.rule], *constants)


def _fill(table: abi.Table, name: str, side: Side, rule: str, shape: tuple[int, int]) -> None:
    table.n = shape[0]
    table.rows = abi.array(name, side.table, np.float32, shape, written=rule != "keep")
    for key in _STATE[rule]:
        if key not in side.state:
            raise ValueError(f"{key} of the {name}: found none; expected one for {rule}")
        kept = side.state[key]
        expected = (shape[0], 1) if key == "count" else shape
        place = f"{key} of the {name}"
        setattr(table, key, abi.array(place, kept, np.float32, expected, written=True))
