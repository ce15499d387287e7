"""A claim of the paper, what tests it, and how numbers turn into a verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

Document = Mapping[str, Any]
"""What an experiment found on a data set: ``numbers``, ``panels``, and the ``path`` of its file."""
Found = Mapping[str, Document]
"""Documents of an experiment by data set."""
GENERATED = "generated"
"""Stands for a data set where there is none."""
HELD, NOT_HELD = "held", "did not hold"


class Answer(NamedTuple):
    """What was measured, and what that says of the claim."""

    measured: str
    verdict: str


Judge = Callable[[Found], Answer | None]
One = Callable[[Document], tuple[str, bool] | None]


@dataclass(frozen=True)
class Claim:
    """A checkable statement of the paper.

    Args:
        text: What it says, in our words.
        where: Section, table or figure.
        experiment: The id of what tests it.
        judge: From what was found to the answer; None where a number is missing.
        data: The data sets that the full run is asked for on.
    """

    text: str
    where: str
    experiment: str
    judge: Judge
    data: tuple[str, ...] = ("citeulike",)

    @property
    def command(self) -> str:
        """What makes the file that is missing."""
        on = f" --data {','.join(self.data)}" if self.data else ""
        return f"fullrank reproduce {self.experiment}{on} -o results/lab"


def on_each(one: One) -> Judge:
    """Judges each data set alone: held on all, on none, or only on those that are named."""

    def judge(found: Found) -> Answer | None:
        seen = {}
        for data, document in found.items():
            try:
                answer = one(document)
            except KeyError:  # a row that this run left out
                answer = None
            if answer is not None:
                seen[data] = answer
        if not seen:
            return None
        measured = "; ".join(text if data == GENERATED else f"{data}: {text}"
                             for data, (text, _) in seen.items())  # fmt: skip
        good = [data for data, (_, held) in seen.items() if held]
        if len(good) == len(seen):
            return Answer(measured, HELD)
        return Answer(measured, f"held only on {', '.join(good)}" if good else NOT_HELD)

    return judge


def verdict(held: bool, only: str = "") -> str:
    """Held, not, or when."""
    return HELD if held else f"held only {only}" if only else NOT_HELD


def curve(document: Document, y_label: str, label: str) -> tuple[list[float], list[float]]:
    """Both coordinates of a line, of a panel whose y axis says ``y_label``.

    Raises:
        KeyError: there is none.
    """
    for panel in document["panels"]:
        if panel.get("y_label") == y_label:
            for line in panel["lines"]:
                if line["label"] == label:
                    return list(line["x"]), list(line["y"])
    raise KeyError(label)


def correlated(one: Sequence[float], other: Sequence[float]) -> float:
    """Pearson's correlation; 0 where one of them does not move."""
    n = len(one)
    means = sum(one) / n, sum(other) / n
    moved = [(a - means[0], b - means[1]) for a, b in zip(one, other, strict=True)]
    sizes = [sum(pair[at] ** 2 for pair in moved) ** 0.5 for at in (0, 1)]
    return sum(a * b for a, b in moved) / (sizes[0] * sizes[1]) if all(sizes) else 0.0


def listed(values: Mapping[str, float], form: str = "{:.1f}") -> str:
    """``BPR 62.1, LightGCN 61.7``."""
    return ", ".join(f"{name} {form.format(value)}" for name, value in values.items())
