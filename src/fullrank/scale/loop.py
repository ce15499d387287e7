"""The training loop of a worker: that of `fullrank.training`, in step with the others."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fullrank.data.sampling import Batch
from fullrank.engine.autograd import AutogradEngine
from fullrank.engine.choose import Choice
from fullrank.engine.step import Engine, Step
from fullrank.errors import FitError, Stopped
from fullrank.scale.exchange import prepared
from fullrank.scale.group import Group
from fullrank.scale.sampling import ShardSampler
from fullrank.scale.tables import ShardedMF
from fullrank.training import Plan, TrainingSettings
from fullrank.training.checkpoint import Checkpoint, Record
from fullrank.training.loop import Powers, Trainer
from fullrank.training.progress import Reporter

WORDS = 20
"""Times in an epoch that workers tell each other how long they compute, and whether to stop."""
SLOW = 2.0
"""Times the median of the others' seconds from which a worker is a straggler."""
SHORT = 0.5
"""Seconds of computing below which nobody is one."""

NOTHING = Batch(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), None)


@dataclass(frozen=True)
class Team:
    """What a worker trains with, beside the plan.

    Args:
        group: The workers.
        edges: (W + 1,) where each worker's items begin and end.
        whole: Whether each is to know users and items of whole batches.
        stop: Whether this worker has been asked to stop.
        slow: Is told of stragglers.
    """

    group: Group
    edges: NDArray[np.int64]
    whole: bool = False
    stop: Callable[[], bool] = lambda: False
    slow: Callable[[str], None] = lambda line: None  # noqa: ARG005


class ShardTrainer(Trainer):
    """As `fullrank.training.Trainer`, of which each worker has one on its own blocks.

    What it decides, it decides by numbers that all workers have: summed losses, gathered metrics.

    Args:
        encoder: The blocks.
        sampler: Draws this worker's shares.
        step: Its loss is this worker's part of the loss of a batch.
        settings: As for `Trainer`, as are the others.
        team: The workers.
        validate: Gives the same number to all.
        powers: Likewise.
        probe: Likewise.
        checkpoint: Keeps the blocks of all workers.
        reporter: Of this worker.
    """

    def __init__(
        self,
        encoder: ShardedMF,
        sampler: ShardSampler,
        step: Step,
        settings: TrainingSettings,
        team: Team,
        *,
        validate: Callable[[], float] | None = None,
        powers: Powers | None = None,
        probe: Callable[[], Mapping[str, float]] | None = None,
        checkpoint: Checkpoint | None = None,
        reporter: Reporter | None = None,
    ) -> None:
        plan = Plan(encoder, sampler, step)  # type: ignore[arg-type]  # of shares: see `_passed`
        kept = {"checkpoint": checkpoint, "reporter": reporter}
        measured = {"validate": validate, "powers": powers, "probe": probe}
        super().__init__(plan, settings, **measured, **kept)  # type: ignore[arg-type]
        self.team, self.encoder, self.sampler = team, encoder, sampler
        self.engine = AutogradEngine(step, encoder, self.optimizer)
        self.choice = Choice(self.engine, {"compiled": "tables in blocks over workers"})
        self.observe = self._figures
        self._lost = self._took = 0.0

    def rest(self) -> None:
        """Keeps the engine, which works in nothing of size."""

    def _passed(
        self, engine: Engine, rng: np.random.Generator, lr: float, losses: Tensor
    ) -> Iterator[int]:
        del engine
        size, start = self.settings.batch_size, self.progress.step
        every = max(self.steps // WORDS, 1)
        coming = prepared(
            self.sampler,
            rng,
            self.steps,
            size,
            self.team.edges,
            start=start,
            whole=self.team.whole,
            reaches=self.encoder.reaches,
        )
        if start:  # what other workers have summed up to here is in the first one's sum
            losses *= self.team.group.rank == 0
        busy, waited = Busy(self.team.group), self.team.group.waited
        for step in range(start, self.steps):
            with busy.elsewhere():
                part = next(coming)
            try:
                losses += self.engine.step(self.encoder.begin(part), NOTHING, lr)
            except torch.linalg.LinAlgError as error:  # type: ignore[attr-defined]
                found = f"a step that cannot be computed ({' '.join(str(error).split())[:80]})"
                where, expected = f"epoch {self.progress.epoch + 1}", f"an lr below {lr:g}"
                raise FitError(where, found, expected) from None
            yield 1
            if (step + 1) % every == 0:
                self._word(busy, losses)
        coming.close()  # type: ignore[attr-defined]
        losses.copy_(self.team.group.all_reduce(losses))
        self._lost = self.team.group.waited - waited + busy.ahead

    def _word(self, busy: Busy, losses: Tensor) -> None:
        """Tells the others how long this worker has computed; finds who is slow; stops if asked."""
        each = self.team.group.of_each(busy.seconds(), float(self.team.stop()))
        line = straggler(each[:, 0].tolist())
        if line and self.team.group.rank == 0:
            self.team.slow(f"epoch {self.progress.epoch + 1}: {line}")
        if each[:, 1].any():
            losses.copy_(self.team.group.all_reduce(losses))
            self.progress.loss_sum = losses.item()
            self._save()
            raise Stopped

    def _figures(self, epoch: int) -> Record:
        """Pairs a second, and seconds that this worker has waited in the steps of an epoch."""
        del epoch
        pairs = self.steps * self.settings.batch_size
        return {"pairs_per_second": pairs / max(self._took, 1e-9), "waited": self._lost}

    def _close_epoch(self, loss: float, lr: float, seconds: float) -> None:
        self._took = seconds
        super()._close_epoch(loss, lr, seconds)

    def _finite(self) -> bool:
        mine = torch.tensor(float(super()._finite()))
        return bool(self.team.group.all_reduce(mine.to(self.plan.step.device), "min"))


class Busy:
    """Seconds in which a worker computed, and those in which it waited for what comes next.

    Args:
        group: In whose collectives it does not compute.
    """

    def __init__(self, group: Group) -> None:
        self.group = group
        self.ahead = 0.0
        self._began, self._waited = time.perf_counter(), group.waited
        self._idle = 0.0

    def elsewhere(self) -> _Waiting:
        """A context in which it waits."""
        return _Waiting(self)

    def wait(self, seconds: float) -> None:
        """So long it has waited."""
        self.ahead += seconds
        self._idle += seconds

    def seconds(self) -> float:
        """Of computing since the last call."""
        now, waited = time.perf_counter(), self.group.waited
        computed = now - self._began - (waited - self._waited) - self._idle
        self._began, self._waited, self._idle = now, waited, 0.0
        return computed


class _Waiting:
    def __init__(self, busy: Busy) -> None:
        self.busy = busy

    def __enter__(self) -> None:
        self.began = time.perf_counter()

    def __exit__(self, *error: object) -> None:
        self.busy.wait(time.perf_counter() - self.began)


def straggler(seconds: list[float]) -> str | None:
    """Which worker computes much longer than the others, if one does.

    >>> straggler([1.0, 1.1, 3.0])
    'worker 2 computes for 3.0 s where the others take 1.1 s (median)'
    >>> straggler([1.0, 1.1, 1.9])
    >>> straggler([0.01, 0.3])
    """
    if len(seconds) < 2:
        return None
    slowest = max(range(len(seconds)), key=seconds.__getitem__)
    usual = statistics.median(seconds[:slowest] + seconds[slowest + 1 :])
    if seconds[slowest] < SHORT or seconds[slowest] <= SLOW * usual:
        return None
    found = f"worker {slowest} computes for {seconds[slowest]:.1f} s"
    return f"{found} where the others take {usual:.1f} s (median)"
