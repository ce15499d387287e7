"""One process that answers, or several that a supervisor keeps: they share a listening socket.

A connection belongs to the process that accepted it. When a process is killed, its connections end
with it, and a client that had a request on one asks again; connections that nobody has accepted
yet wait in the shared socket for the others, and another process takes the place of the killed one.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnContext, SpawnProcess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fullrank.errors import DataError, FullrankError, SettingError
from fullrank.service.access_log import say
from fullrank.service.keys import Keys
from fullrank.service.settings import ServiceSettings

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
SOON = 5.0
"""Seconds after its start within which the end of a process counts as a failure to start."""
LONGEST_WAIT = 30.0
"""Seconds to wait at most before a process that does not start is started again."""
SWITCH = 0.001
"""Seconds that a thread may keep the interpreter from the others."""


def serve(settings: ServiceSettings, ready: Callable[[str], None]) -> None:
    """Answers requests until SIGTERM or Ctrl-C, and drains.

    Args:
        settings: Of the service.
        ready: Called with the address, once requests are answered.

    Raises:
        FullrankError: the address cannot be listened on, or a model or key file cannot be used.
    """
    Keys.of(settings.key_file)
    with listening(settings.host, settings.port) as socket_:
        host, port = socket_.getsockname()[:2]
        url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        if settings.workers == 1:
            _run(settings, socket_, None, lambda: ready(url))
            return
        if sys.platform == "win32":
            raise SettingError("option --workers", str(settings.workers), "1 on Windows")
        with TemporaryDirectory(prefix="fullrank-serve-") as folder:
            Supervisor(settings, socket_, Path(folder)).run(lambda: ready(url))


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        SettingError: the address is in use, or not of this machine.
    """
    try:
        kind, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        made = socket.socket(kind, socket.SOCK_STREAM)
        try:
            if sys.platform != "win32":
                made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(address)
            made.listen(2048)
            made.setblocking(False)
        except OSError:
            made.close()
            raise
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        expected = "a free port of this machine, as --port 8001"
        raise SettingError(f"address {host}:{port}", reason, expected) from None
    return made


def _run(
    settings: ServiceSettings,
    socket_: socket.socket,
    folder: Path | None,
    ready: Callable[[], None],
    end_with: Any = None,
) -> None:
    """Loads the models and answers, in this process.

    Raises:
        FullrankError: a model cannot be loaded.
    """
    import torch

    from fullrank.service import models
    from fullrank.service.app import App
    from fullrank.service.http import answer
    from fullrank.service.panels import Panels
    from fullrank.service.service import Service, Slot

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    torch.set_num_threads(settings.threads or max(1, (cores or 1) // settings.workers))
    sys.setswitchinterval(SWITCH)
    names, panels = models.names_of(settings.folders), Panels(folder)
    slots = {
        name: Slot(name, Path(path), settings.max_k, panels)
        for name, path in zip(names, settings.folders, strict=True)
    }
    app = App(Service(settings, slots, Keys.of(settings.key_file)))
    ready()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(answer(app, socket_, end_with))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # not on Windows
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def _worker(values: dict[str, Any], socket_: socket.socket, folder: str, line: Connection) -> None:
    """A process of several; on ``line`` goes "" when it answers, or why it cannot."""
    for each in (signal.SIGINT, signal.SIGTERM):  # while it loads there is nothing to drain
        signal.signal(each, lambda *_: os._exit(0))
    parent = multiprocessing.parent_process()
    try:
        _run(
            ServiceSettings(**values),
            socket_,
            Path(folder),
            lambda: line.send(""),
            None if parent is None else parent.sentinel,
        )
    except FullrankError as error:
        line.send(str(error))
        sys.exit(2)


class Supervisor:
    """Keeps as many processes as were asked for.

    Args:
        settings: Of the service.
        socket_: What they listen on.
        folder: Where they share tables and counters.
    """

    def __init__(self, settings: ServiceSettings, socket_: socket.socket, folder: Path) -> None:
        self._settings, self._socket, self._folder = settings, socket_, folder
        self._context: SpawnContext = multiprocessing.get_context("spawn")
        self._begun: dict[SpawnProcess, tuple[float, Connection]] = {}
        self._ending = False
        self._failures, self._not_before = 0, 0.0
        counters = folder / "counters"
        counters.mkdir()
        os.environ[FOLDER] = str(counters)

    def run(self, ready: Callable[[], None]) -> None:
        """Starts the processes, and starts others in the place of those that end.

        Raises:
            DataError: the first one cannot start.
        """
        before = {each: signal.signal(each, self._end) for each in (signal.SIGINT, signal.SIGTERM)}
        try:
            self._first(ready)
            while not self._ending:
                self._fill()
                wait([process.sentinel for process in self._begun], timeout=0.5)
                self._bury()
        finally:
            self._drain()
            for each, handler in before.items():
                signal.signal(each, handler)
            del os.environ[FOLDER]

    def _end(self, number: int, frame: Any) -> None:
        del number, frame
        self._ending = True

    def _first(self, ready: Callable[[], None]) -> None:
        """Starts one process and waits until it answers: the others find its packed tables."""
        line = self._start()
        while not self._ending:
            if not line.poll(0.2):
                continue
            said = _last_word(line)
            if said is None:
                said = "a process that ended while it loaded"
            if said:
                where, _, found = said.partition(": found ")
                found, _, expected = found.partition("; expected ")
                self._ending = True
                raise DataError(where, found or said, expected or "one that answers")
            ready()
            return

    def _start(self) -> Connection:
        ours, theirs = self._context.Pipe(duplex=False)
        values = self._settings.model_dump()
        process = self._context.Process(
            target=_worker, args=(values, self._socket, str(self._folder), theirs)
        )
        process.start()
        theirs.close()
        self._begun[process] = time.monotonic(), ours
        return ours

    def _fill(self) -> None:
        if time.monotonic() < self._not_before:
            return
        while len(self._begun) < self._settings.workers and not self._ending:
            self._start()

    def _bury(self) -> None:
        from fullrank.service.metrics import forget

        for process in [each for each in self._begun if not each.is_alive()]:
            begun, line = self._begun.pop(process)
            age, why = time.monotonic() - begun, _last_word(line) or f"code {process.exitcode}"
            line.close()
            if self._ending:
                continue
            forget(process.pid or 0)
            self._failures = self._failures + 1 if age < SOON else 0
            pause = min(0.5 * 2**self._failures, LONGEST_WAIT) if self._failures else 0.0
            self._not_before = time.monotonic() + pause
            say(f"process {process.pid} ended with {why}; another takes its place")

    def _drain(self) -> None:
        deadline = time.monotonic() + self._settings.drain_seconds + 5
        for process in self._begun:
            process.terminate()
        for process in self._begun:
            process.join(max(0.0, deadline - time.monotonic()))
            if process.is_alive():
                process.kill()
                process.join()


def _last_word(line: Connection) -> str | None:
    """What a process said last; None of one that said nothing more."""
    said = None
    try:
        while line.poll():
            said = line.recv()
    except (EOFError, OSError):
        pass
    return said
