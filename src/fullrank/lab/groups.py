"""The finished runs of a label, one for each seed, as curves and figures with their deviation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullrank.lab.spec import Run
from fullrank.lab.store import Done
from fullrank.pictures import Line
from fullrank.pictures.panels import Role

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Group:
    """Runs that differ in their seed alone."""

    label: str
    run: Run
    done: Sequence[Done]

    @property
    def error(self) -> str | None:
        """Why a run has no end: its loss diverged."""
        return next((each.error for each in self.done if each.error is not None), None)

    def curve(self, name: str) -> tuple[list[int], Values]:
        """Epochs, and (seeds, epochs) values, of a name of `fullrank.lab.watch`.

        Only epochs that all runs have: one that diverged ends the curve of all.
        """
        tables = [{r["epoch"]: r[name] for r in each.history if name in r} for each in self.done]
        epochs = sorted(set.intersection(*(set(table) for table in tables))) if tables else []
        return epochs, np.array([[table[epoch] for epoch in epochs] for table in tables])

    def mean(self, name: str) -> tuple[list[int], list[float]]:
        """Epochs, and the mean over seeds at each."""
        epochs, values = self.curve(name)
        return epochs, values.mean(axis=0).tolist() if epochs else []

    def line(self, name: str, *, role: Role = "other", label: str | None = None) -> Line:
        """The curve for a panel, with its deviation over seeds."""
        epochs, values = self.curve(name)
        spread = values.std(axis=0, ddof=1).tolist() if len(values) > 1 and epochs else None
        mean = values.mean(axis=0).tolist() if epochs else []
        return Line(label or self.label, epochs, mean, spread, role)

    def at(self, name: str, epoch: int) -> float:
        """The mean over seeds at an epoch; -1 is the last."""
        epochs, mean = self.mean(name)
        return mean[-1 if epoch == -1 else epochs.index(epoch)]

    def lowest(self, name: str) -> float:
        """The least of the mean curve."""
        return min(self.mean(name)[1])

    def best_epochs(self, name: str = "ndcg@10") -> list[int]:
        """Of each run the epoch at which a figure is highest."""
        epochs, values = self.curve(name)
        return [epochs[int(row.argmax())] for row in values]

    def best(self, name: str = "ndcg@10") -> list[float]:
        """Of each run the highest value of a figure; none of a run that has it not."""
        _, values = self.curve(name)
        return [float(row.max()) for row in values if len(row)]

    def record_at_best(self, what: str, name: str = "ndcg@10") -> list[Any]:
        """Of each run what the record says at the epoch at which ``name`` is highest."""
        found = zip(self.done, self.best_epochs(name), strict=True)
        return [next(r[what] for r in each.history if r["epoch"] == best) for each, best in found]

    def metric(self, name: str) -> list[float]:
        """Of each run a figure of its end, as ``published/ndcg@10``; none of one that diverged."""
        return [each.metrics[name] for each in self.done if name in each.metrics]

    def users(self, name: str) -> Values:
        """(n_users,) the mean over seeds of each user's figure, NaN for those left out."""
        known = [each.users[name] for each in self.done if name in each.users]
        return np.asarray(np.mean(known, axis=0), dtype=np.float64)

    @property
    def epoch_seconds(self) -> float | None:
        """The median over epochs and runs of the seconds of one; None without epochs."""
        seconds = [r["seconds"] for each in self.done for r in each.history if "seconds" in r]
        return float(np.median(seconds)) if seconds else None


Groups = Mapping[str, Group]


def mean(values: Sequence[float]) -> float | None:
    """The mean; None of nothing."""
    return float(np.mean(values)) if len(values) else None


def deviation(values: Sequence[float]) -> float:
    """Standard deviation of a sample; 0 of one value or none."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def with_deviation(values: Sequence[float], form: str = "{:.4f}") -> str | None:
    """``0.2197 ± 0.0004``; without ± of one value, None of none."""
    if not len(values):
        return None
    text = form.format(float(np.mean(values)))
    return text + f" ± {form.format(deviation(values))}" if len(values) > 1 else text
