"""Descriptions of work done by Ray's tasks, a few ahead of what is asked for."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from fullrank.data.store.passes import Each

AHEAD = 2
"""Results that wait for each worker, at most."""


def by_ray(ray: Any, workers: int) -> Each:
    """As `map`, in order, but done by tasks of Ray; those of a worker that dies are done again.

    Args:
        ray: The module, connected to a cluster all of whose machines see the files that are meant.
        workers: How many tasks run at a time.
    """

    def each(work: Callable[[Any], Any], asked: Iterable[Any]) -> Iterator[Any]:
        task = ray.remote(num_cpus=1, max_retries=3)(work)
        waiting: deque[Any] = deque()
        try:
            for description in asked:
                waiting.append(task.remote(description))
                if len(waiting) >= AHEAD * workers:
                    yield _result(ray, waiting.popleft())
            while waiting:
                yield _result(ray, waiting.popleft())
        finally:
            for left in waiting:
                ray.cancel(left, force=True)

    return each


def _result(ray: Any, reference: Any) -> Any:
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None  # one of ours, in one line, without the worker's traceback
