"""What an experiment is: what is trained, computed and drawn, and what the paper says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from fullrank.pictures import Bars, Panel

if TYPE_CHECKING:
    from fullrank.lab.groups import Groups
    from fullrank.lab.scope import Scope

Part = Literal["validation", "test", "none"]


@dataclass(frozen=True)
class Run:
    """One training of a method.

    Every epoch is recorded as `fullrank.lab.watch.Watch` says, epoch 0 (before training) included;
    accuracy every few epochs.

    Args:
        method: A name of the method table.
        settings: Its settings without the seed; ``preset`` names one for the data.
        data: The data set.
        part: ``validation``: a tenth of train is held out, and curves and figures are of it.
            ``test``: trained on the whole of train and evaluated once, on the test part.
            ``none``: trained on the whole of train and not evaluated.
        every: Epochs between two evaluations on the validation part.
        seed: Of the run; the validation part is that of seed 0 whatever it is.
        start: A run whose last tables this one starts from.
        seeds: At most so many seeds, for runs that others are chosen by; as asked for if absent.
        timed: Whether it is trained for its seconds, so that one by other threads is another run.
    """

    method: str
    settings: Mapping[str, Any]
    data: str
    part: Part = "validation"
    every: int = 1
    seed: int = 0
    start: Run | None = None
    seeds: int | None = None
    timed: bool = False


Grid = Mapping[str, Run]
"""Runs by label; each is trained with every seed that was asked for."""


@dataclass(frozen=True)
class Table:
    """Rows of text and numbers, ours beside the paper's.

    Args:
        columns: Their heads.
        rows: One value a column; None is a dash.
        title: What it is, if there are several.
        form: How numbers that are no whole ones are written.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    title: str = ""
    form: str = "{:.4f}"


@dataclass(frozen=True)
class Finding:
    """What an experiment found: a sentence, tables, a picture, and numbers to quote.

    Args:
        headline: The finding in a sentence that is computed from the data; the picture's title.
        tables: Ours beside the paper's.
        panels: What the picture shows.
        numbers: What others quote, by name; JSON has them under ``numbers``.
        remarks: What a reader has to know to judge it: deviations, substitutes, traps.
    """

    headline: str
    tables: Sequence[Table] = ()
    panels: Sequence[Panel | Bars] = ()
    numbers: Mapping[str, Any] = field(default_factory=dict)
    remarks: Sequence[str] = ()


def _no_runs(scope: Scope) -> Grid:
    del scope
    return {}


@dataclass(frozen=True)
class Experiment:
    """One table or figure.

    Args:
        id: As ``fullrank reproduce`` calls it.
        title: What the paper's table or figure is of.
        claim: What the paper says that it shows.
        source: Where in the paper.
        cost: How long the whole of it takes, on what.
        compute: The finding, from the runs of each label, one for each seed.
        grid: What is trained.
        finals: Further runs, which the finished ones of the grid decide on; ``compute`` gets both.
        on: Data sets that the paper shows it on.
        across: Whether all data sets go into one picture; else each has its own.
        paper: The numbers that the paper prints, by row and column.
    """

    id: str
    title: str
    claim: str
    source: str
    cost: str
    compute: Callable[[Scope, Groups], Finding]
    grid: Callable[[Scope], Grid] = _no_runs
    finals: Callable[[Scope, Groups], Grid] | None = None
    on: tuple[str, ...] = ("citeulike",)
    across: bool = False
    paper: Mapping[str, Any] = field(default_factory=dict)
