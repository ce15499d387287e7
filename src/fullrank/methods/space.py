"""What is searched when a method is tuned: the settings that matter, and where they lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Span:
    """Numbers from ``low`` to ``high``; whole ones if both are."""

    low: float
    high: float
    log: bool = False

    def __contains__(self, value: object) -> bool:
        """Whether it is a number of the span."""
        whole = isinstance(self.low, int) and isinstance(self.high, int)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return (isinstance(value, int) or not whole) and self.low <= value <= self.high


@dataclass(frozen=True)
class ByRule:
    """What the method's own rule gives for the data and the other settings, times a factor.

    A learning rate that is right for one table is a thousand times too high for another, and
    another ``shrink`` moves it as far.

    Args:
        factor: Where the factor lies.
        otherwise: Where the value itself lies, with settings that the rule is not for.
    """

    factor: Span
    otherwise: Span

    def __contains__(self, value: object) -> bool:
        """Whether it is among the values that are searched without the rule."""
        return value in self.otherwise


Space = Mapping[str, Span | ByRule | tuple[Any, ...]]
"""Setting to a span of numbers or a choice of values, None among them for what a rule finds."""

DECAY = Span(1e-6, 1e-1, log=True)
SGD: Space = {"lr": Span(3.0, 300.0, log=True), "weight_decay": DECAY}
ADAM: Space = {"lr": Span(3e-4, 1e-2, log=True), "weight_decay": DECAY}
ADAM_ON_GRAPH: Space = {**ADAM, "lr": Span(2e-3, 4e-2, log=True)}
