"""Groups of processes for tests: spawned once, they run one function after another."""

from __future__ import annotations

import queue
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.multiprocessing as mp

from fullrank.scale.group import Group, joined, left


def _serve(rank: int, size: int, where: str, tasks: Any, answers: Any) -> None:
    torch.set_num_threads(1)
    groups = joined(where, rank, size) if size > 1 else (Group(), Group())
    while (task := tasks.get()) is not None:
        function, arguments = task
        try:
            answers.put((rank, function(*groups, *arguments), None))
        except BaseException:
            answers.put((rank, None, traceback.format_exc()))
    left()


class Workers:
    """W processes of a gloo group.

    Args:
        size: W.
        folder: Where they find each other.
    """

    def __init__(self, size: int, folder: Path) -> None:
        context = mp.get_context("spawn")
        self.size, self.answers = size, context.Queue()
        self.tasks = [context.Queue() for _ in range(size)]
        where = f"file://{folder}/meeting{size}"
        self.processes = [
            context.Process(
                target=_serve, args=(rank, size, where, tasks, self.answers), daemon=True
            )
            for rank, tasks in enumerate(self.tasks)
        ]
        for process in self.processes:
            process.start()

    def run(self, function: Callable[..., Any], *arguments: Any) -> list[Any]:
        """What ``function(group, ahead, *arguments)`` returns in each worker."""
        for tasks in self.tasks:
            tasks.put((function, arguments))
        found = {}
        for _ in range(self.size):
            rank, value, error = self._answer(found)
            if error:
                raise RuntimeError(f"worker {rank}:\n{error}")
            found[rank] = value
        return [found[rank] for rank in range(self.size)]

    def _answer(self, found: dict[int, Any]) -> tuple[int, Any, str | None]:
        for _ in range(300):
            try:
                return self.answers.get(timeout=1)
            except queue.Empty:
                ended = [each.exitcode for each in self.processes if not each.is_alive()]
                if ended:  # what they are to run could not be imported, say
                    raise RuntimeError(f"workers ended with {ended}") from None
        raise TimeoutError(f"only {sorted(found)} of {self.size} answered")

    def close(self) -> None:
        """Ends the processes."""
        for tasks in self.tasks:
            tasks.put(None)
        for process in self.processes:
            process.join(10)
            if process.is_alive():
                process.terminate()
