"""Requests that wait together are ranked together, in one product off the event loop.

There is no timer while the service is idle: the first request is ranked at once, with whatever came
in the same turn of the loop. Those that come while a product runs wait for its end and go into the
next. Under load the next one waits for as many as the last one had, for a share of the time that
the last one took and a few milliseconds at most: clients that were answered together ask again
together.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

J = TypeVar("J")
R = TypeVar("R")

MOST = 256
"""Users in a product, so that nobody waits for thousands of others; a request is never split."""
WINDOW = 0.001
"""Seconds to wait for others under load."""
SHARE, LONGEST = 0.1, 0.005
"""Or this share of the last product's seconds, where that is more, up to so many seconds."""
INLINE = 0.0005
"""Seconds of a product that is not worth another thread: the loop computes it itself."""
FADING = 0.5
"""Weight of the newest measurement in the estimate of a user's seconds."""


class Batcher(Generic[J, R]):
    """Collects jobs and has them computed together.

    Args:
        compute: From jobs to their results, in order; an exception in the place of a result is
            raised for its job alone. Never called twice at a time.
        size_of: Users of a job.
        seen: Called with the number of jobs and the seconds of each product.
    """

    def __init__(
        self,
        compute: Callable[[Sequence[J]], Sequence[R | Exception]],
        size_of: Callable[[J], int],
        seen: Callable[[int, float], None],
    ) -> None:
        self._compute, self._size_of, self._seen = compute, size_of, seen
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[J, asyncio.Future[R]]] = deque()
        self._thread = ThreadPoolExecutor(1, "product")
        self._busy = False
        self._planned: asyncio.Handle | None = None
        self._expected, self._window = 1, 0.0
        self._per_user: float | None = None

    def submit(self, job: J) -> asyncio.Future[R]:
        """The result of a job, some time."""
        future: asyncio.Future[R] = self._loop.create_future()
        self._waiting.append((job, future))
        if not self._busy:
            self._plan()
        return future

    def close(self) -> None:
        """Ends the thread; what waits is not computed."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _plan(self) -> None:
        enough = len(self._waiting) >= self._expected
        if self._planned is not None:
            if not enough or not isinstance(self._planned, asyncio.TimerHandle):
                return
            self._planned.cancel()
        if enough or not self._window:
            self._planned = self._loop.call_soon(self._start)
        else:
            self._planned = self._loop.call_later(self._window, self._start)

    def _start(self) -> None:
        self._planned = None
        batch = self._taken()
        if not batch:
            return
        size = sum(self._size_of(job) for job, _ in batch)
        if self._per_user is not None and size * self._per_user < INLINE:
            self._finish(batch, *self._timed([job for job, _ in batch]))
            return
        self._busy = True
        computed = self._loop.run_in_executor(self._thread, self._timed, [job for job, _ in batch])
        computed.add_done_callback(lambda done: self._finish(batch, *done.result()))

    def _taken(self) -> list[tuple[J, asyncio.Future[R]]]:
        batch: list[tuple[J, asyncio.Future[R]]] = []
        size = 0
        while self._waiting and (not batch or size < MOST):
            job, future = self._waiting.popleft()
            if not future.done():  # whoever asked may have gone
                batch.append((job, future))
                size += self._size_of(job)
        return batch

    def _timed(self, jobs: Sequence[J]) -> tuple[Sequence[R | Exception], float]:
        begun = time.perf_counter()
        try:
            results = self._compute(jobs)
        except Exception as error:  # of one job or of all: each is asked for it alone
            results = [error] if len(jobs) == 1 else [self._alone(job) for job in jobs]
        return results, time.perf_counter() - begun

    def _alone(self, job: J) -> R | Exception:
        try:
            return self._compute([job])[0]
        except Exception as error:
            return error

    def _finish(
        self,
        batch: Sequence[tuple[J, asyncio.Future[R]]],
        results: Sequence[R | Exception],
        seconds: float,
    ) -> None:
        self._busy = False
        for (_, future), result in zip(batch, results, strict=True):
            if future.done():
                continue
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)
        size = sum(self._size_of(job) for job, _ in batch)
        before = seconds / size if self._per_user is None else self._per_user
        self._per_user = before + FADING * (seconds / size - before)
        worth = len(batch) > 1 and seconds >= INLINE
        self._expected = len(batch) if worth else 1
        self._window = min(max(WINDOW, SHARE * seconds), LONGEST) if worth else 0.0
        self._seen(len(batch), seconds)
        if self._waiting:
            self._plan()
