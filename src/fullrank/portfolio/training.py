"""Trained methods within a time: fewer epochs where it is short, and an end where it is over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from fullrank.data.interactions import Interactions
from fullrank.methods import TrainedMethod
from fullrank.methods.fitting import fit
from fullrank.methods.searched import SearchedMethod
from fullrank.training import Reporter
from fullrank.training.checkpoint import Record
from fullrank.training.progress import Several, Silent

Trained = TypeVar("Trained", bound=TrainedMethod)

LEAST = 5
"""Epochs below which it is not worth while to begin."""
SEARCH, RUNS = 120, 2
"""Epochs that a search takes beside the full runs, and how many of those there are at most."""


class OutOfTime(Exception):  # noqa: N818  # no error: nothing went wrong
    """The budget is spent while a method is trained, or would be."""


class _Watch(Silent):
    def __init__(self, left: Callable[[], float]) -> None:
        self.left = left

    def epoch(self, record: Record) -> None:
        del record
        if self.left() <= 0:
            raise OutOfTime("stopped: the time was over")

    def trial(self, record: Record) -> None:
        self.epoch(record)


def watched(reporter: Reporter, left: Callable[[], float]) -> Reporter:
    """The reporter, and an `OutOfTime` after the epoch that spends the budget."""
    return Several([reporter, _Watch(left)])


def epochs_within(
    method: Trained,
    parts: Mapping[str, Interactions],
    device: str,
    left: Callable[[], float],
) -> Trained:
    """The method with as many epochs as fit into the seconds left, by the time that one takes.

    Raises:
        OutOfTime: that is fewer than `LEAST`.
    """
    searched = isinstance(method, SearchedMethod) and bool(method.candidates())
    alone = method.settled() if isinstance(method, SearchedMethod) else method
    _, found = fit(alone.replace(epochs=1), parts, device)
    seconds, whole = found["seconds"], found["seconds_with_validation"]
    each = max(seconds + (whole - seconds) / method.validate_every, 1e-9)
    room = left() / each
    if not searched:
        most = room
    elif room > SEARCH + RUNS * 60:
        most = (room - SEARCH) / RUNS
    else:  # the search is as long as the runs, and shorter with them
        most = room / (SEARCH / 60 + RUNS)
    if most < LEAST:
        raise OutOfTime(f"left out: time for {max(int(most), 0)} epochs of {each:.2g} s")
    return method if most >= method.epochs else method.replace(epochs=int(most))
