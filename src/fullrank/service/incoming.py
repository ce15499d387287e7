"""A request as the front reads it."""

from __future__ import annotations

from fullrank.service.link import Done, Request
from fullrank.service.problems import Problem

OWN = frozenset((
    b"connection", b"content-length", b"expect", b"keep-alive", b"proxy-connection", b"te",
    b"trailer", b"transfer-encoding", b"upgrade",
))  # fmt: skip
"""Headers that are between a client and the front, and go no further."""


class Message:
    """A request while it comes."""

    __slots__ = (
        "begun", "chunked", "counted", "expects", "keeps", "length", "lines", "method", "open",
        "parts", "problem", "size", "url",
    )  # fmt: skip

    def __init__(self) -> None:
        self.begun = 0.0
        self.method, self.url = b"", b""
        self.lines: list[bytes] = []
        self.parts: list[bytes] = []
        self.size = 0
        self.length: bytes | None = None
        self.chunked = self.expects = self.counted = self.open = False
        """The last says whether its header is whole."""
        self.keeps = True
        self.problem: Problem | None = None

    def header(self, name: bytes, value: bytes) -> None:
        """Takes a header; behind a body they say nothing."""
        name = name.lower()
        if self.open:
            return
        if name not in OWN:
            self.lines += (name, b": ", value, b"\r\n")
        elif name == b"content-length":
            self.length = value
        elif name == b"transfer-encoding":
            self.chunked = True
        elif name == b"expect":
            self.expects = value.lower() == b"100-continue"

    @property
    def has_body(self) -> bool:
        """Whether bytes follow the header."""
        return self.chunked or self.length not in (None, b"0")

    def data(self) -> bytes:
        """The request as a process gets it: with one exact length, whatever the client wrote."""
        head = [self.method, b" ", self.url, b" HTTP/1.1\r\n", *self.lines]
        if self.length is not None or self.chunked:
            head.append(b"content-length: %d\r\n" % self.size)
        return b"".join((*head, b"\r\n", *self.parts))


class Turn:
    """What is to be answered: a request, or at once with the problem of its message.

    Args:
        message: What came, whole or refused.
        done: Called with the answer to the request.
    """

    __slots__ = ("begun", "keeps", "method", "problem", "request", "url")

    def __init__(self, message: Message, done: Done) -> None:
        self.method, self.url, self.begun = message.method, message.url, message.begun
        self.problem, self.keeps = message.problem, message.keeps
        self.request: Request | None = None
        if self.problem is None:
            self.request = Request(
                message.data(), bodiless=self.bodiless, counted=message.counted, done=done
            )

    @property
    def bodiless(self) -> bool:
        """Whether the answer has no body."""
        return self.method == b"HEAD"
