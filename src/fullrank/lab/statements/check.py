"""What a check of a statement returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from fullrank.spectrum.measure import entropy_rank

EXACT = 1e-9
"""Relative difference up to which two ways to compute a thing in float64 agree."""


@dataclass(frozen=True)
class Checked:
    """A statement, and what came of it.

    Args:
        name: ``proposition-1``, ``equation-4``, …
        statement: What the paper says.
        measured: What was computed, with figures.
        held: Whether the statement holds as it is printed.
        only_when: In which case it holds, if it does not as it is printed.
        numbers: The figures by name.
        curves: For pictures: x and y by label.
    """

    name: str
    statement: str
    measured: str
    held: bool
    only_when: str = ""
    numbers: Mapping[str, float] = field(default_factory=dict)
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """Held, did not hold, or when it did."""
        if self.held:
            return "held"
        return f"held only {self.only_when}" if self.only_when else "did not hold"


def effective_rank(table: Tensor) -> float:
    """Of all singular values of a small table."""
    return entropy_rank(torch.linalg.svdvals(table))


def apart(found: Tensor, expected: Tensor) -> float:
    """The norm of the difference over that of what was expected."""
    return float(torch.linalg.norm(found - expected) / torch.linalg.norm(expected))


def rows(count: int, width: int, seed: int) -> Tensor:
    """(count, width) float64 normal numbers of a seed."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, width, generator=generator, dtype=torch.float64)


def unit(table: Tensor) -> Tensor:
    """Rows of length 1."""
    return torch.nn.functional.normalize(table, dim=1)


def xavier(count: int, width: int, seed: int) -> Tensor:
    """(count, width) uniform numbers within ±√(6 / (count + width))."""
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.rand(count, width, generator=generator, dtype=torch.float64)
    bound: float = (6 / (count + width)) ** 0.5
    return (2 * drawn - 1) * bound
