"""What a picture shows, as data: it goes into the JSON of an experiment and is drawn from there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Role = Literal["subject", "rival", "third", "other", "reference"]
"""``subject`` is what the figure is about, in the strong colour; ``rival`` and ``third`` what it is
measured against; ``other`` the rest; ``reference`` a bound or a theory, thin and dotted."""


@dataclass(frozen=True)
class Line:
    """A curve, labelled at its end.

    Args:
        label: What it is.
        x: Where its points are.
        y: Their heights, means over seeds; None where nothing is known.
        spread: Standard deviation over the seeds at each point, drawn as a band.
        role: How it looks.
        marks: Whether each point gets a dot, as in a sweep.
    """

    label: str
    x: Sequence[float]
    y: Sequence[float | None]
    spread: Sequence[float] | None = None
    role: Role = "other"
    marks: bool = False


@dataclass(frozen=True)
class Point:
    """A number that the paper prints, as an open diamond."""

    x: float
    y: float
    label: str = ""


@dataclass(frozen=True)
class Panel:
    """Curves over one pair of axes.

    Args:
        title: What tells this panel from its neighbours.
        x_label: With the unit.
        y_label: With the unit.
        lines: The curves.
        points: What the paper prints.
        x_log: Whether the x axis is logarithmic.
        y_log: Whether the y axis is.
        y_limits: Of the y axis; None for what the data ask for.
        x_ticks: Where the ticks are, in a sweep.
        x_names: What the ticks are called; their numbers if absent.
        upright: Values of x with a name, as the one that the paper finds best; those outside the
            lines are not drawn.
    """

    title: str
    x_label: str
    y_label: str
    lines: Sequence[Line]
    points: Sequence[Point] = ()
    x_log: bool = False
    y_log: bool = False
    y_limits: tuple[float | None, float | None] | None = None
    x_ticks: Sequence[float] | None = None
    x_names: Sequence[str] | None = None
    upright: Sequence[tuple[float, str]] = ()


@dataclass(frozen=True)
class Bar:
    """A value with its deviation over seeds and, as a diamond, what the paper prints."""

    label: str
    value: float | None
    spread: float = 0.0
    paper: float | None = None
    role: Role = "other"


@dataclass(frozen=True)
class Bars:
    """Horizontal bars, one below the other, with the value at the end of each."""

    title: str
    x_label: str
    bars: Sequence[Bar]
    form: str = "{:.4f}"
    """How a value is written."""
    x_log: bool = False
