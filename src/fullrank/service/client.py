"""A client's connection to the front: whole requests in, whole answers out, in their order."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from typing import TYPE_CHECKING

import httptools

from fullrank.service.incoming import Message, Turn
from fullrank.service.problems import Problem
from fullrank.service.refusals import (
    CLOSE,
    IDLE_SECONDS,
    LARGEST_HEADER,
    as_http,
    large_body,
    long_header,
    no_http,
    slow_body,
    too_many,
)

if TYPE_CHECKING:
    from fullrank.service.front import Front

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Client(asyncio.Protocol):
    """A connection.

    Args:
        front: What it belongs to.
    """

    transport: asyncio.Transport

    def __init__(self, front: Front) -> None:
        self._front = front
        self._loop = asyncio.get_running_loop()
        self._parser: httptools.HttpRequestParser | None = httptools.HttpRequestParser(self)
        # As uvicorn does: what follows a request that closes is dropped, and is no error.
        self._parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self._message: Message | None = None
        self._turns: deque[Turn] = deque()
        self._current: Turn | None = None
        self._waiting = 0
        self._over = self._eof = self._idle = self._advancing = False
        self._blocked = self._busy = self._paused = self._progress = False
        self.deadline = self._loop.time() + front.settings.body_seconds
        """When `expire` is to be called."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Is open."""
        self.transport = transport
        self._front.clients.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """What it asked is not answered any more."""
        del exc
        self._front.clients.discard(self)
        self._parser = None  # it and this object hold each other
        message = self._message
        if message is not None and message.open and not self._over:
            self._front.note(message.method, 499, message.begun, 0)
        self._drop()

    def _drop(self) -> None:
        """Forgets what has no answer yet."""
        if self._message is not None:
            self._release(self._message)
            self._message = None
        for turn in (*self._turns, self._current):
            if turn is not None and turn.request is not None:
                turn.request.dropped = True
                if turn is not self._current and turn.request.counted:
                    self._front.pool.held -= 1
        self._turns.clear()
        self._current = None

    def _release(self, message: Message) -> None:
        if message.counted:
            message.counted = False
            self._front.pool.held -= 1

    # What comes

    def data_received(self, data: bytes) -> None:
        """Parses; too many bytes without a part of a body or a whole header end the connection."""
        if self._parser is None or self._over:
            return
        self._progress = False
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # the request is answered as it is
        except httptools.HttpParserError:
            self._refuse(no_http())
        self._waiting = 0 if self._progress else self._waiting + len(data)
        if self._idle and self._message is not None:
            self._idle = False
            self.deadline = self._loop.time() + self._front.settings.body_seconds
        if self._waiting > LARGEST_HEADER and not self._over:
            self._refuse(long_header())
        self._advance()
        if self._turns and not self._paused:
            self._paused = True
            self.transport.pause_reading()

    def eof_received(self) -> bool:
        """Lets a client that will send nothing more have the answers to what it asked."""
        self._eof = True
        return self._current is not None or bool(self._turns)

    def on_message_begin(self) -> None:
        """Called by the parser."""
        self._message = None if self._over else Message()

    def on_url(self, part: bytes) -> None:
        """Called by the parser, for each part."""
        if self._message is not None:
            self._message.url += part

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser; for each line behind a body too."""
        if self._message is not None:
            self._message.header(name, value)

    def on_headers_complete(self) -> None:
        """Called by the parser; an error raised here is one of bytes that are no request."""
        self._progress = True
        message, parser = self._message, self._parser
        if message is None or parser is None:
            return
        message.method = parser.get_method()
        path = httptools.parse_url(message.url).path
        path.decode("ascii")  # as the process will
        message.keeps = parser.get_http_version() != "1.0" and parser.should_keep_alive()
        message.open, message.begun = True, self._loop.time()
        settings, pool = self._front.settings, self._front.pool
        if message.has_body or path.startswith(b"/v1/"):
            if pool.held >= pool.most:
                message.problem = too_many(pool.held)
            else:
                message.counted = True
                pool.held += 1
        if not message.has_body:
            return
        if message.problem is None and int(message.length or 0) > settings.max_body:
            self._too_large(message)
        if message.expects and message.problem is not None:
            self._refuse(message.problem)
        elif self._current is None and not self._turns:
            self._await_body(message)

    def _await_body(self, message: Message) -> None:
        self.deadline = self._loop.time() + self._front.settings.body_seconds
        if message.expects:
            message.expects = False
            self.transport.write(CONTINUE)

    def _too_large(self, message: Message) -> None:
        """The rest is read and dropped: a client that is cut off would not see the answer."""
        message.problem = large_body(message.length or b"", self._front.settings.max_body)
        message.keeps = False
        message.parts.clear()
        self._release(message)

    def on_body(self, part: bytes) -> None:
        """Called by the parser, for each part."""
        self._progress = True
        message = self._message
        if message is None:
            return
        message.size += len(part)
        if message.problem is None:
            message.parts.append(part)
            if message.size > self._front.settings.max_body:
                self._too_large(message)

    def on_message_complete(self) -> None:
        """Called by the parser."""
        self._progress = True
        message, self._message = self._message, None
        if message is None:
            return
        self._over = not message.keeps
        self._turns.append(Turn(message, self._answered))

    def _refuse(self, problem: Problem) -> None:
        """Answers with a problem after what is asked already, and closes."""
        message, self._message = self._message or Message(), None
        self._release(message)
        message.begun = message.begun or self._loop.time()
        message.problem, message.keeps, self._over = problem, False, True
        self._turns.append(Turn(message, self._answered))

    # What goes

    def _advance(self) -> None:
        """Begins the next turn, if there is one and the client reads its answers."""
        if self._advancing:
            return
        self._advancing = True
        try:
            while self._current is None and self._turns and not self._blocked:
                self._current = self._turns.popleft()
                self._begin(self._current)
        finally:
            self._advancing = False
        if self._busy and self._current is None and not self._turns:
            self._busy = False
            self._rest()

    def _begin(self, turn: Turn) -> None:
        self._busy, self.deadline = True, math.inf
        if turn.problem is not None:
            self._answered(turn.problem, keeps=True)
            return
        assert turn.request is not None  # noqa: S101
        own = self._front.health(turn.method, turn.url)
        if own is not None:
            if turn.request.counted:
                self._front.pool.held -= 1
            self._answered(own, keeps=True)
        else:
            self._front.pool.ask(turn.request)

    def _answered(self, answer: bytes | Problem, *, keeps: bool) -> None:
        turn, self._current = self._current, None
        if turn is None or self.transport.is_closing():
            return
        if isinstance(answer, Problem):
            body = answer.body()
            self._front.note(turn.method, answer.status, turn.begun, len(body))
            keeps = CLOSE[0] not in answer.headers
            answer = as_http(answer.status, body, answer.headers, bodiless=turn.bodiless)
        last = not self._turns and (self._eof or self._ending)
        if keeps and (last or not turn.keeps):
            line, _, rest = answer.partition(b"\r\n")
            answer, keeps = b"%s\r\nconnection: close\r\n%s" % (line, rest), False
        self.transport.write(answer)
        if not keeps:
            self._over = True
            self._drop()
            self.transport.close()
        self._advance()

    @property
    def _ending(self) -> bool:
        """Whether nothing that has begun to come is to be answered, and the service ends."""
        return self._front.draining and (self._message is None or not self._message.open)

    def _rest(self) -> None:
        """Nothing is to be answered."""
        if self.transport.is_closing():
            return
        if self._eof or self._ending:
            self.transport.close()
            return
        if self._paused:
            self._paused = False
            self.transport.resume_reading()
        message, now = self._message, self._loop.time()
        if message is not None and message.open:
            self._await_body(message)
            return
        self._idle = message is None
        self.deadline = now + (IDLE_SECONDS if self._idle else self._front.settings.body_seconds)

    def pause_writing(self) -> None:
        """The client reads slower than it is answered."""
        self._blocked = True
        self.deadline = self._loop.time() + IDLE_SECONDS

    def resume_writing(self) -> None:
        """It has read."""
        self._blocked = False
        self._advance()

    def expire(self) -> None:
        """Called at the deadline."""
        self.deadline = math.inf
        message = self._message
        if self._blocked or message is None or not message.open:
            self.transport.abort()
            return
        found = slow_body(message.size, self._front.settings.body_seconds)
        self._refuse(message.problem or found)
        self._advance()

    def shutdown(self) -> None:
        """Closes when what has begun is answered."""
        if self._current is None and not self._turns:
            self._rest()
