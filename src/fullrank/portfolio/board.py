"""What came out: a record of every trial, and the leaderboard with a line for each method."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from fullrank.evaluation import Evaluation
from fullrank.methods import Method
from fullrank.methods.fitting import Fitted

METRIC = "validation_ndcg@20"
"""What is compared; of fewer items where there are not twenty."""
NEAR = 0.8
"""Share of the best value from which on a method can be a part of a blend."""


@dataclass(frozen=True, eq=False)
class Part:
    """A fitted method with its figures on the validation part."""

    method: Method
    fitted: Fitted
    evaluation: Evaluation
    warned: tuple[str, ...] = ()
    """What it warned of while it was fitted."""

    @property
    def value(self) -> float:
        """Mean ndcg on the validation part."""
        return next(iter(self.evaluation.values()))

    @property
    def interval(self) -> tuple[float, float] | None:
        """Its bootstrap interval over users; none with a single user."""
        return next(iter(self.evaluation.intervals.values()), None)


@dataclass
class Line:
    """What is known of a method of the portfolio."""

    method: str
    best: Part | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    """Those of the best trial that the portfolio, or the method's own search, chose."""
    seconds: float = 0.0
    """Of all trials, the evaluation with it."""
    memory: int = 0
    """Bytes that a fit was estimated to take, the most of all trials."""
    trials: list[dict[str, Any]] = field(default_factory=list)
    largest: tuple[float, float] = (0.0, 0.0)
    """Of the largest trial, the seconds that were estimated and those that it took."""
    toward: tuple[str, bool] | None = None
    """The setting by which it got better last, and whether by a larger value."""
    note: str | None = None
    """Why it was left out, or not searched on."""

    def record(self) -> dict[str, Any]:
        """The line as JSON has it."""
        between = None if self.best is None else self.best.interval
        return {
            "method": self.method,
            "settings": self.settings,
            METRIC: None if self.best is None else self.best.value,
            "interval": None if between is None else list(between),
            "seconds": round(self.seconds, 3),
            "memory": self.memory,
            "trials": len(self.trials),
            "note": self.note,
        }


def ranked(lines: Iterable[Line]) -> list[Line]:
    """Best first, of equals in the order of the portfolio; those without a value last."""
    return sorted(lines, key=lambda line: float("inf") if line.best is None else -line.best.value)
