"""Parameter tables and optimiser steps, as the kernels take them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fullrank.native import abi

_RULES = {"sgd": 0, "adagrad": 1, "adam": 2, "keep": 3, "dense-adam": 4}
"""``keep`` updates no row and writes the gradient of each row of the batch to ``square``."""
_STATE = {
    "sgd": (),
    "adagrad": ("square",),
    "adam": ("square", "mean", "count"),
    "keep": ("square",),
    "dense-adam": ("square", "mean", "last", "clock"),
}
"""The arrays that a rule keeps beside a table."""
_WHOLE = ("last", "clock")
"""Those of int64."""


@dataclass(frozen=True)
class OptimizerStep:
    """One step of an optimiser: the rule, its learning rate, L2 penalty and constants."""

    rule: Literal["sgd", "adagrad", "adam", "keep", "dense-adam"] = "sgd"
    lr: float = 1.0
    decay: float = 0.0
    """L2 penalty: adds ``decay * row`` to the row's gradient once per occurrence in the batch; each
    of the N negatives of a pair counts as 1/N of an occurrence."""
    eps: float = 0.0
    beta1: float = 0.0
    beta2: float = 0.0


@dataclass(frozen=True)
class ParameterTable:
    """A table of embeddings, (n, d) float32, and the optimiser's state for it."""

    table: NDArray[np.float32]
    state: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    """``square`` for Adagrad; ``square``, ``mean`` and ``count`` for Adam; for dense Adam ``last``
    and ``clock``, int64 (n, 1) and (1, 1), in place of the count."""


Tables = tuple[ParameterTable, ParameterTable]
"""Of the users and of the items."""


def pack_structs(
    tables: Tables, step: OptimizerStep, n: tuple[int, int], dim: int
) -> tuple[Any, abi.Update]:
    """Packs two parameter tables, (n[0], d) and (n[1], d), and an optimiser step into structs.

    Raises:
        TypeError: an array has the wrong dtype or layout.
        ValueError: an array has the wrong shape, or one that the update rule needs is missing.
    """
    structs = (abi.Table * 2)()
    names = ("user table", "item table")
    for struct, name, table, rows in zip(structs, names, tables, n, strict=True):
        _fill(struct, name, table, step.rule, (rows, dim))
    constants = step.lr, step.decay, step.eps, step.beta1, step.beta2
    return structs, abi.Update(_RULES[step.rule], *constants)


def _fill(
    struct: abi.Table, name: str, table: ParameterTable, rule: str, shape: tuple[int, int]
) -> None:
    struct.n = shape[0]
    struct.rows = abi.array(name, table.table, np.float32, shape, written=rule != "keep")
    for key in _STATE[rule]:
        state = f"{key} of the {name}"
        if key not in table.state:
            raise ValueError(f"{state}: found none; expected one for {rule}")
        expected = {"count": (shape[0], 1), "last": (shape[0], 1), "clock": (1, 1)}.get(key, shape)
        kind = np.int64 if key in _WHOLE else np.float32
        given = abi.array(state, table.state[key], kind, expected, written=True)
        setattr(struct, key, given)
