"""Trained methods within a time: fewer epochs where it is short, an end where it is for nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from fullrank.data.interactions import Interactions
from fullrank.methods import TrainedMethod
from fullrank.methods.fitting import fit
from fullrank.methods.searched import SearchedMethod
from fullrank.portfolio.board import NEAR
from fullrank.training import Reporter, Rung, rungs
from fullrank.training.checkpoint import Record
from fullrank.training.progress import Several, Silent

Trained = TypeVar("Trained", bound=TrainedMethod)

LEAST = 20
"""Epochs below which it is not worth while to begin: 5 on Gowalla had three quarters of the best
value of other methods."""
SEARCH = 100
"""Epochs that a search takes beside the run that wins: 81 to 99 where they were counted."""

SHARES = (0.4, 0.6, NEAR)
"""Share of the best value of other methods that a search needs to go on, after each rung. From the
last rung on values have grown by up to a quarter, on sparse data, where it was measured."""


class OutOfTime(Exception):  # noqa: N818  # no error: nothing went wrong
    """The budget is not enough to train a method, or would be spent for nothing."""


class _Hopeless(Silent):
    """An `OutOfTime` where the best trial of a search is far from the best of other methods.

    Args:
        rungs: Complete epochs at which trials are compared.
        leader: The best value of other methods.
    """

    def __init__(self, rungs: Sequence[Rung], leader: float) -> None:
        self.rungs, self.leader = rungs, leader
        self.best, self.on_last = 0.0, 0

    def trial(self, record: Record) -> None:
        epochs = [rung.epochs for rung in self.rungs]
        passed = sum(each < record["epochs"] for each in epochs)
        self._compare(passed - 1)
        self.best = max(self.best, record["validation_ndcg@20"] or 0.0)
        self.on_last += record["epochs"] == epochs[-1]
        if self.on_last == self.rungs[-1].trials:
            self._compare(len(epochs) - 1)

    def _compare(self, rung: int) -> None:
        if rung >= 0 and self.best < SHARES[min(rung, len(SHARES) - 1)] * self.leader:
            after = self.rungs[rung].epochs
            raise OutOfTime(
                f"stopped: validation ndcg@20 {self.best:.4f} after {after} epochs, "
                f"and {self.leader:.4f} is the best"
            )


def watched(reporter: Reporter, method: TrainedMethod, leader: float = 0.0) -> Reporter:
    """The reporter, and an `OutOfTime` after a rung of a search whose best trial is far behind."""
    plan = method.rungs() if isinstance(method, SearchedMethod) else rungs(method.epochs)
    return Several([reporter, _Hopeless(plan, leader)])


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
    elif room > SEARCH + 60:
        most = room - SEARCH
    else:  # the search is as long as the run, and shorter with it
        most = room / (SEARCH / 60 + 1)
    if most < LEAST:
        raise OutOfTime(f"left out: time for {max(int(most), 0)} epochs of {each:.2g} s")
    return method if most >= method.epochs else method.replace(epochs=int(most))
