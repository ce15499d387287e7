"""A connection from the front to a process that answers."""

from __future__ import annotations

import asyncio
from typing import Protocol

import httptools

from fullrank.service.problems import Problem


class Done(Protocol):
    """Who waits for an answer."""

    def __call__(self, answer: bytes | Problem, *, keeps: bool) -> None:
        """Called with the whole answer and whether it leaves the connection open."""


class Request:
    """A whole request, as it is sent to a process.

    Args:
        data: Its bytes.
        bodiless: Whether its answer has no body: HEAD.
        counted: Whether it counts for the limit of concurrency.
        done: Called with what came of it.
    """

    __slots__ = ("bodiless", "counted", "data", "done", "dropped", "ends", "since")

    def __init__(
        self,
        data: bytes,
        *,
        bodiless: bool,
        counted: bool,
        done: Done,
    ) -> None:
        self.data, self.bodiless, self.counted, self.done = data, bodiless, counted, done
        self.ends = 0
        """Processes that ended while they worked on it."""
        self.since = 0.0
        """When it was first asked."""
        self.dropped = False
        """Whether nobody waits for the answer any more."""


class Owner(Protocol):
    """Who has connections."""

    def answered(self, link: Link, request: Request, answer: bytes, *, keeps: bool) -> None:
        """An answer has come whole; ``keeps`` says whether the connection may be used again."""

    def lost(self, link: Link, request: Request | None) -> None:
        """A connection has ended, and with it the request that was on it."""


class Link(asyncio.Protocol):
    """A connection to a process: one request at a time.

    Args:
        owner: Whose it is.
    """

    __slots__ = ("_keeps", "_more", "_owner", "_parser", "_parts", "_whole", "request", "transport")
    transport: asyncio.Transport

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self.request: Request | None = None
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        self._parts: list[bytes] = []
        self._whole, self._more, self._keeps = False, False, True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Is open."""
        self.transport = transport

    def send(self, request: Request) -> None:
        """Asks."""
        self.request = request
        self.transport.write(request.data)

    def data_received(self, data: bytes) -> None:
        """Collects an answer; the parser only says where it ends, so that nothing is copied."""
        if self._parser is None:
            return
        self._parts.append(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._more = True
        if self._more or self.request is None:  # than one answer: no bytes go to a wrong client
            self.transport.abort()
        elif self._whole:
            self._deliver(self.request)

    def on_message_begin(self) -> None:
        """Called by the parser."""
        self._more = self._whole

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        assert self._parser is not None  # noqa: S101
        self._keeps = self._parser.should_keep_alive()
        if self.request is not None and self.request.bodiless:
            self._whole = True

    def on_message_complete(self) -> None:
        """Called by the parser."""
        self._whole = True

    def connection_lost(self, exc: Exception | None) -> None:
        """The process has ended, or this connection was closed."""
        del exc
        self._parser = None  # it and this object hold each other
        request, self.request = self.request, None
        self._owner.lost(self, request)

    def _deliver(self, request: Request) -> None:
        self.request = None
        answer = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts, self._whole = [], False
        if request.bodiless:  # the parser waits for a body
            self._parser = httptools.HttpResponseParser(self)
        self._owner.answered(self, request, answer, keeps=self._keeps)
