"""Scores are finite, or there is no scorer: NaN and infinity rank in silence.

What a scorer holds is checked once, when it is made, by bounds that no score can exceed.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fullrank.errors import FitError

LARGEST = float(np.finfo(np.float32).max) / 2
"""Bound on every score and partial sum; half the range, for rounding."""

BLOCK = 2**16
"""Rows whose lengths are computed in float64 at a time."""


def finite_table(table: Tensor, name: str) -> Tensor:
    """The table as float32.

    Raises:
        FitError: a number is NaN or infinity, or beyond float32.
    """
    table = table.detach().float()
    if not math.isfinite(_largest(table)):
        row = int((~table.isfinite().all(dim=1)).nonzero()[0])
        raise FitError(f"{name}, row {row}", "NaN or infinity", "finite numbers")
    return table


def check_products(users: Tensor, items: Tensor) -> None:
    """Sees that no inner product of two rows can leave float32, by Cauchy and Schwarz.

    Raises:
        FitError: the longest row of each could.
    """
    if users.shape[1] * _largest(users) * _largest(items) < LARGEST:
        return
    longest = _longest(users), _longest(items)
    if not longest[0] * longest[1] < LARGEST:
        found = (
            f"rows of length {longest[0]:.2g} and {longest[1]:.2g}, whose scores may be infinite"
        )
        raise FitError("user and item table", found, _EXPECTED)


def check_scores(where: str, bound: float) -> None:
    """Raises `FitError` where scores with this bound may be infinite, or the bound is NaN."""
    if not bound < LARGEST:
        found = "NaN or infinity" if math.isnan(bound) else "numbers whose sums may be infinite"
        raise FitError(where, found, _EXPECTED)


def largest(values: Any) -> float:
    """Largest magnitude; NaN where one is NaN, 0 of nothing."""
    return max(-float(values.min()), float(values.max())) if values.size else 0.0


def _largest(table: Tensor) -> float:
    if not table.numel():
        return 0.0
    low, high = table.aminmax()
    return max(-float(low), float(high))


def _longest(table: Tensor) -> float:
    blocks = (table[start : start + BLOCK] for start in range(0, len(table), BLOCK))
    lengths = (torch.linalg.vector_norm(each.double(), dim=1).max() for each in blocks)
    return max(map(float, lengths))


_EXPECTED = "scores within float32; has the training diverged?"
