"""Keeps as many processes as were asked for, and the front that clients connect to.

Each process listens on a socket in the supervisor's folder. A line to it says when it answers, and
its end tells it to end: also when the supervisor was killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import multiprocessing
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext, SpawnProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fullrank.errors import DataError, FullrankError
from fullrank.service.access_log import say
from fullrank.service.server import run
from fullrank.service.settings import ServiceSettings

if TYPE_CHECKING:
    from fullrank.service.front import Front
    from fullrank.service.upstream import Worker

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
LONGEST_WAIT = 30.0
"""Seconds to wait at most before a process that does not start is started again."""
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Process:
    """A process, from its start to its end.

    Args:
        process: That was started.
        line: On which it says "" when it answers, or why it cannot.
        path: Of its socket.
    """

    def __init__(self, process: SpawnProcess, line: Connection, path: Path) -> None:
        self.process, self.line, self.path = process, line, path
        self.worker: Worker | None = None
        self.why = ""
        self.open = True
        """Whether something may still come on the line."""


class Supervisor:
    """Keeps processes.

    Args:
        settings: Of the service.
        listening: What clients connect to.
        folder: Where processes share tables and counters and have their sockets.
    """

    def __init__(self, settings: ServiceSettings, listening: socket.socket, folder: Path) -> None:
        self._settings, self._listening, self._folder = settings, listening, folder
        self._context: SpawnContext = multiprocessing.get_context("spawn")
        self._kept: list[Process] = []
        self._numbers = itertools.count()
        self._changed, self._ended = asyncio.Event(), asyncio.Event()
        self._failures, self._not_before = 0, 0.0

    async def run(self, ready: Callable[[], None]) -> None:
        """Starts the processes, starts others in the place of those that end, and answers.

        Raises:
            DataError: the first one cannot start.
        """
        loop = asyncio.get_running_loop()
        for each in SIGNALS:
            loop.add_signal_handler(each, self._end)
        counters = self._folder / "counters"
        counters.mkdir()
        os.environ[FOLDER] = str(counters)
        from fullrank.service.front import Front  # which reads the variable

        front = Front(self._settings)
        try:
            await self._first(front)
            if self._ended.is_set():
                return
            await front.open(self._listening)
            ready()
            tending = loop.create_task(self._tend(front))
            await self._ended.wait()
            await front.drain()
            tending.cancel()
        finally:
            self._stop()
            for each in SIGNALS:
                loop.remove_signal_handler(each)
            del os.environ[FOLDER]

    def _end(self) -> None:
        self._ended.set()
        self._changed.set()

    async def _first(self, front: Front) -> None:
        """Starts one process and waits until it answers: the others find its packed tables."""
        first = self._start(front)
        while first.worker is None and first.open and not self._ended.is_set():
            await self._news()
        if first.worker is None and not self._ended.is_set():
            said = first.why or "a process that ended while it loaded"
            where, _, found = said.partition(": found ")
            found, _, expected = found.partition("; expected ")
            raise DataError(where, found or said, expected or "one that answers")

    async def _tend(self, front: Front) -> None:
        while True:
            self._bury(front)
            if time.monotonic() >= self._not_before:
                while len(self._kept) < self._settings.workers:
                    self._start(front)
            await self._news()

    async def _news(self) -> None:
        """Waits for a line that says something or ends, or half a second."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                await self._changed.wait()
        self._changed.clear()

    def _start(self, front: Front) -> Process:
        ours, theirs = self._context.Pipe()
        path = self._folder / f"{next(self._numbers)}.sock"
        process = self._context.Process(
            target=_answer, args=(self._settings.model_dump(), str(path), str(self._folder), theirs)
        )
        process.start()
        theirs.close()
        kept = Process(process, ours, path)
        self._kept.append(kept)
        asyncio.get_running_loop().add_reader(ours.fileno(), self._hear, kept, front)
        return kept

    def _hear(self, kept: Process, front: Front) -> None:
        self._changed.set()
        if not kept.line.poll():  # nothing to read: waiting for it would hold up every client
            return
        try:
            said = kept.line.recv()
        except (EOFError, OSError):
            asyncio.get_running_loop().remove_reader(kept.line.fileno())
            kept.open = False
            if kept.worker is not None:
                front.pool.remove(kept.worker)
            return
        if said:
            kept.why = said
        else:
            self._failures = 0
            kept.worker = front.pool.add(str(kept.path))

    def _bury(self, front: Front) -> None:
        """Forgets those that have ended; one that had not begun to answer is not hurried."""
        from fullrank.service.metrics import forget

        for kept in [each for each in self._kept if not each.process.is_alive()]:
            while kept.open and kept.line.poll():  # its last word
                self._hear(kept, front)
            if kept.worker is not None:
                front.pool.remove(kept.worker)
            self._kept.remove(kept)
            self._close(kept)
            kept.path.unlink(missing_ok=True)
            forget(kept.process.pid or 0)
            if kept.worker is None:
                self._failures += 1
                pause = min(0.5 * 2**self._failures, LONGEST_WAIT)
                self._not_before = time.monotonic() + pause
            why = kept.why or f"code {kept.process.exitcode}"
            say(f"process {kept.process.pid} ended with {why}; another takes its place")

    def _close(self, kept: Process) -> None:
        if kept.open:
            kept.open = False
            asyncio.get_running_loop().remove_reader(kept.line.fileno())
        kept.line.close()

    def _stop(self) -> None:
        """Lets those end that answer, and ends those that load."""
        deadline = time.monotonic() + self._settings.drain_seconds + 5
        for kept in self._kept:
            if kept.worker is None:
                kept.process.kill()
            self._close(kept)
        for kept in self._kept:
            kept.process.join(max(0.0, deadline - time.monotonic()))
            if kept.process.is_alive():
                kept.process.kill()
                kept.process.join()


def _answer(values: dict[str, Any], path: str, folder: str, line: Connection) -> None:
    """A process of several; its line ends when it is to end."""
    for each in SIGNALS:  # which come to all processes; the supervisor says when
        signal.signal(each, signal.SIG_IGN)

    def ready() -> None:
        with contextlib.suppress(OSError):  # the supervisor is gone: the line says so at once
            line.send("")

    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
            listening.bind(path)
            listening.listen(2048)
            listening.setblocking(False)
            run(ServiceSettings(**values), listening, Path(folder), ready, line.fileno())
    except FullrankError as error:
        with contextlib.suppress(OSError):
            line.send(str(error))
        sys.exit(2)
