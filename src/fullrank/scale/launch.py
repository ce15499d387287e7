"""Workers that Ray starts, places and starts again: the head's side of a fit.

Plain actors, and not Ray Train's controller: a fit needs their results as they are, its own errors
in one line, and news of the first worker while all of them train; and one process less for each.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from fullrank.errors import FitError, FullrankError, Stopped
from fullrank.native import cores
from fullrank.scale.checkpoint import read_manifest
from fullrank.scale.cluster import cluster
from fullrank.scale.job import Found, Job
from fullrank.scale.worker import Worker
from fullrank.training.interrupt import Interrupt, deferred_interrupt
from fullrank.training.progress import Reporter

RESTARTS = 3
"""Times that workers are started again without a new checkpoint in between."""
TICK = 0.2
"""Seconds between two looks at the workers."""
END = 20.0
"""Seconds that the others have to end in, once one has failed."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Crew:
    """How workers are started.

    Args:
        workers: How many, W.
        device: ``cpu``, or ``cuda`` for a GPU each.
        threads: Of each worker; its share of the cores of this machine if absent.
        note: Is told of what a person should know: a worker that died, a straggler.
        started: Is told the process ids of workers, each time they start.
    """

    workers: int
    device: str = "cpu"
    threads: int | None = None
    note: Callable[[str], None] = _log.warning
    started: Callable[[Sequence[int]], None] = lambda pids: None  # noqa: ARG005

    @property
    def threads_each(self) -> int:
        """Threads of each worker."""
        return self.threads or max(cores() // self.workers, 1)


def worker_device(name: str) -> str:
    """``cuda`` for a GPU each, where that was asked for: ``auto`` does not count on so many."""
    return "cuda" if name.startswith("cuda") else "cpu"


class _LostError(Exception):
    """A worker has died, or cannot be reached any more."""


def run(job: Job, crew: Crew, reporter: Reporter) -> list[Found]:
    """What each worker has found, worker by worker.

    A worker that dies takes the others with it; all of them go on from the last checkpoint.

    Raises:
        SettingError: Ray is not installed.
        FitError: the loss diverges, a checkpoint is of another run, or workers die again and again.
        Stopped: Ctrl-C, after a checkpoint.
    """
    failures, reached = 0, _stamp(job)
    with cluster(crew.workers) as ray, deferred_interrupt() as interrupt:
        data = ray.put(job)
        while True:
            try:
                with _actors(ray, crew) as actors:
                    return _watched(ray, actors, data, job.resume, crew, reporter, interrupt)
            except _LostError as lost:
                stamp = _stamp(job)
                failures = failures + 1 if stamp == reached else 1
                reached = stamp
                if failures > RESTARTS:
                    found = f"{failures} deaths of workers with no checkpoint in between"
                    raise FitError("workers", found, f"ones that live ({lost})") from None
                job = replace(job, resume=stamp is not None)
                where = f"from checkpoint {stamp}" if stamp else "from the beginning"
                crew.note(f"{lost}; all workers start again, {where}")
                reporter.close()


@contextmanager
def _actors(ray: Any, crew: Crew) -> Iterator[list[Any]]:
    """The workers; they are gone afterwards, whatever happened."""
    remote = ray.remote(Worker)
    # A thread that trains and one that answers.
    how: dict[str, Any] = {"num_cpus": 1, "max_concurrency": 4, "max_restarts": 0}
    if crew.device != "cpu":
        how["num_gpus"] = 1
    made = [remote.options(**how).remote(rank, crew.workers) for rank in range(crew.workers)]
    try:
        yield made
    finally:
        for actor in made:
            ray.kill(actor)


def _watched(
    ray: Any,
    actors: Sequence[Any],
    data: Any,
    resume: bool,
    crew: Crew,
    reporter: Reporter,
    interrupt: Interrupt,
) -> list[Found]:
    """Waits for the workers, and passes on what the first one reports."""
    try:
        crew.started(ray.get([actor.pid.remote() for actor in actors]))
        where = ray.get(actors[0].address.remote())
    except ray.exceptions.RayError as error:
        raise _LostError(_line_of(error)) from None
    how = {"device": crew.device, "threads": crew.threads_each, "resume": resume}
    running = [actor.train.remote(where, data, **how) for actor in actors]
    asked, left = False, running
    while left:
        done, left = ray.wait(left, num_returns=len(left), timeout=TICK)
        failed = _failures(ray, done)
        if failed:
            raise _cause(ray, [*failed, *_ended(ray, left)])
        try:
            _pass_on(ray.get(actors[0].news.remote()), reporter, crew.note)
        except ray.exceptions.RayError as error:
            raise _cause(ray, [error, *_ended(ray, left)]) from None
        if interrupt.requested and not asked:
            ray.get([actor.stop.remote() for actor in actors])
            asked = True
    found = ray.get(running)
    if any(each is None for each in found):
        raise Stopped(interrupt.number)
    return list(found)


def _failures(ray: Any, done: Sequence[Any]) -> list[Exception]:
    failed = []
    for each in done:
        try:
            ray.get(each)
        except ray.exceptions.RayError as error:
            failed.append(error)
    return failed


def _ended(ray: Any, left: Sequence[Any]) -> list[Exception]:
    """How the others end, once one has failed: they wait for it, and notice that it is gone."""
    if not left:
        return []
    done, _ = ray.wait(list(left), num_returns=len(left), timeout=END)
    return _failures(ray, done)


def _cause(ray: Any, failed: Sequence[Exception]) -> Exception:
    """What to raise: an error of fullrank's as it is; a lost worker; or what Ray says."""
    causes = [getattr(error, "cause", None) for error in failed]
    for cause in causes:
        if isinstance(cause, FullrankError):
            return cause
    for error in failed:
        if isinstance(error, ray.exceptions.RayActorError):
            return _LostError(_line_of(error))
    for cause in causes:
        if isinstance(cause, RuntimeError) and "gloo" in str(cause).lower():
            return _LostError(_line_of(cause))
    return failed[0]


def _line_of(error: BaseException) -> str:
    """The first line of what a library says, in short."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    died = type(error).__name__ in ("ActorDiedError", "RayActorError")
    return "a worker has died" if died else f"a worker is lost ({lines[0][:120]})"


def _pass_on(
    news: Sequence[tuple[str, tuple[Any, ...]]], reporter: Reporter, note: Callable[[str], None]
) -> None:
    told: Mapping[str, Callable[..., None]] = {
        "start": reporter.start,
        "steps": reporter.steps,
        "epoch": reporter.epoch,
        "trial": reporter.trial,
        "close": reporter.close,
        "note": note,
    }
    for kind, arguments in news:
        told[kind](*arguments)


def _stamp(job: Job) -> str | None:
    """Which checkpoint there is."""
    manifest = None if job.checkpoint is None else read_manifest(job.checkpoint)
    return None if manifest is None else str(manifest["stamp"])
