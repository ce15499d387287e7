"""What came out: a record of every trial, and the leaderboard with a line for each method."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullrank.evaluation import Evaluation
from fullrank.methods import Method
from fullrank.methods.fitting import Fitted

METRIC = "validation_ndcg@20"
"""What is compared; of fewer items where there are not twenty."""
NEAR = 0.8
"""Share of the best value from which on a method can be a part of a blend."""


SURE = 1.0
"""Standard errors of the mean gain, user by user, that settings need to take the place of others.
Of many trials that are as good as each other one is best by chance, and no better on other users.
"""


@dataclass(frozen=True, eq=False)
class Part:
    """A fitted method with its figures on the validation part."""

    method: Method
    fitted: Fitted
    evaluation: Evaluation
    warned: tuple[str, ...] = ()
    """What it warned of while it was fitted."""
    estimate: float | None = None
    """Its value as some of the users say, where that was enough to see that others are better."""

    @property
    def value(self) -> float:
        """Mean ndcg on the validation part."""
        return next(iter(self.evaluation.values())) if self.estimate is None else self.estimate

    @property
    def ndcg(self) -> NDArray[np.float64]:
        """(U,) of the users by whom it is compared, ascending."""
        return ndcg(self.evaluation)

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
    asked: list[dict[str, Any]] = field(default_factory=list)
    """By trial, the settings that move as they were asked for: None where a rule finds one."""
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


def ndcg(evaluation: Evaluation) -> NDArray[np.float64]:
    """(U,) the one metric of an evaluation, of each user."""
    return evaluation.per_user(next(iter(evaluation)))


def gain(other: NDArray[np.float64], than: NDArray[np.float64], sure: float = SURE) -> float:
    """How much better ``other`` is on average, less ``sure`` standard errors of that; 0 if equal.

    Args:
        other: (U,) of each user.
        than: (U,) of the same users.
        sure: Below 0 the gain is what it could be at most.
    """
    differences = other - than
    return float(differences.mean() - sure * differences.std() / len(differences) ** 0.5)


def ranked(lines: Iterable[Line]) -> list[Line]:
    """Best first, of equals in the order of the portfolio; those without a value last."""
    return sorted(lines, key=lambda line: float("inf") if line.best is None else -line.best.value)
