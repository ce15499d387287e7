"""uvicorn's HTTP with bounds on what a client may send before there is a request, and its end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Iterator
from typing import Any

from uvicorn import Config, Server
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from fullrank.service.app import App
from fullrank.service.problems import Problem
from fullrank.service.refusals import IDLE_SECONDS, LARGEST_HEADER, as_http, long_header, no_http

EVER = 10**7
"""Seconds that a connection of the front may be open without a request."""


class Protocol(HttpToolsProtocol):
    """One connection: headers are bounded in bytes and in time, and refused with a problem."""

    header_seconds = 10.0
    """Seconds for a header, from its first byte; from the connection on for the first one."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begins to wait for a header."""
        super().connection_made(transport)
        self._waiting = 0
        self._deadline: asyncio.TimerHandle | None = None
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """Waits no more."""
        self._arrived()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parses bytes; too many without a whole header end the connection."""
        if self._deadline is None and self.cycle is not None and self.cycle.response_complete:
            self._expect()
        super().data_received(data)
        if self._deadline is not None:  # no header is complete yet
            self._waiting += len(data)
            if self._waiting > LARGEST_HEADER:
                self._refuse(long_header())

    def eof_received(self) -> Any:
        """Lets a client that will send nothing more have the answer to what it asked."""
        cycle = self.cycle
        if cycle is None or cycle.response_complete or cycle.more_body:
            return False
        cycle.keep_alive = False
        return True

    def on_headers_complete(self) -> None:
        """Begins a request."""
        self._arrived()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuses bytes that are no HTTP."""
        del msg
        self._refuse(no_http())

    def _expect(self) -> None:
        self._waiting = 0
        self._deadline = self.loop.call_later(self.header_seconds, self._late)

    def _arrived(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _late(self) -> None:
        self._deadline = None
        if not self.transport.is_closing():
            self.transport.close()

    def _refuse(self, problem: Problem) -> None:
        self._arrived()
        if self.transport.is_closing():
            return
        self.transport.write(as_http(problem.status, problem.body(), problem.headers))
        self.transport.close()


class Inner(Protocol):
    """A connection of the front, which bounds what clients send and closes what it needs no more.

    Were this end to close one, the front could take that for the end of the process.
    """

    def _expect(self) -> None:
        return


class Ending(Server):
    """A server that SIGTERM and Ctrl-C drain: both end it with code 0."""

    heeded: tuple[signal.Signals, ...] = (signal.SIGINT, signal.SIGTERM)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals set the flag that ends the server, and are not raised again afterwards."""
        before = {each: signal.signal(each, self.handle_exit) for each in self.heeded}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Drains; a second signal does not cut that short."""
        del sig, frame
        self.should_exit = True


async def answer(app: App, listening: socket.socket, end_with: Any = None) -> None:
    """Answers requests on a socket until it is to end.

    Args:
        app: What answers.
        listening: The socket.
        end_with: Of a process behind a front: what becomes readable when it is to end, or when the
            front is gone. Signals then say nothing to it: a terminal, and a service manager, sends
            them to all processes at once, and the front still needs this one to answer the rest.
    """
    service, loop = app.service, asyncio.get_running_loop()
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # what matters is logged by us
    behind = end_with is not None
    Protocol.header_seconds = service.settings.body_seconds
    config = Config(
        app,
        http=Inner if behind else Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=2048,
        timeout_keep_alive=EVER if behind else IDLE_SECONDS,
        timeout_graceful_shutdown=service.settings.drain_seconds,
    )
    server = Ending(config)
    service.open()
    if behind:
        server.heeded = ()
        loop.add_reader(end_with, lambda: _end(server, loop, end_with))
    watching = [loop.create_task(service.watch()), loop.create_task(_draining(server, app))]
    try:
        await server.serve([listening])
    finally:
        for each in watching:
            each.cancel()
        service.close()


def _end(server: Ending, loop: asyncio.AbstractEventLoop, end_with: Any) -> None:
    loop.remove_reader(end_with)  # it stays readable
    server.handle_exit(0, None)


async def _draining(server: Ending, app: App) -> None:
    while not server.should_exit:
        await asyncio.sleep(0.05)
    app.service.draining = True
