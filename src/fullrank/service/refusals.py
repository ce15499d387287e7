"""What is refused before an endpoint is asked: the same words from one process and from a front."""

from __future__ import annotations

from email.utils import formatdate
from http import HTTPStatus

from fullrank.service.problems import CONTENT_TYPE, Problem

LARGEST_HEADER = 2**16
"""Bytes of a request before its body."""
IDLE_SECONDS = 75
"""Seconds that a connection may be open without a request."""
CLOSE = ((b"connection", b"close"),)
AGAIN = ((b"retry-after", b"1"),)


def no_http() -> Problem:
    """Of bytes that cannot be parsed."""
    return Problem(400, "found bytes that are no HTTP request; expected one", headers=CLOSE)


def long_header() -> Problem:
    """Of a header without end."""
    found = f"found a header of more than {LARGEST_HEADER} bytes"
    return Problem(431, found, headers=CLOSE)


def slow_body(size: int, seconds: float) -> Problem:
    """Of a body of which so many bytes came in its time."""
    found = f"found {size} bytes; expected the rest within {seconds:g} s"
    return Problem(408, found, "$", CLOSE)


def large_body(declared: bytes, limit: int) -> Problem:
    """Of a body above the limit; ``declared`` is its content-length, if it has one."""
    size = declared.decode("ascii", "replace") if declared.isdigit() else "more"
    return Problem(413, f"found {size} bytes; expected at most {limit}", "$", CLOSE)


def too_many(count: int) -> Problem:
    """Of a request while so many are worked on."""
    return Problem(429, f"found {count} requests at a time; expected fewer", headers=AGAIN)


def no_process(seconds: float) -> Problem:
    """Of a request that has waited so long for a process."""
    found = f"found no process that answers within {seconds:g} s; another one is being started"
    return Problem(503, found, headers=AGAIN)


def fatal(count: int) -> Problem:
    """Of a request in whose work so many processes ended."""
    return Problem(502, f"found that {count} processes ended while they worked on this request")


def as_http(
    status: int,
    body: bytes,
    headers: tuple[tuple[bytes, bytes], ...] = (),
    kind: bytes = CONTENT_TYPE,
    *,
    bodiless: bool = False,
) -> bytes:
    """A whole answer.

    Args:
        status: The HTTP status.
        body: Its bytes.
        headers: Further headers.
        kind: Its content type.
        bodiless: Whether to leave the bytes out, as in the answer to HEAD.
    """
    every = (
        (b"date", formatdate(usegmt=True).encode()),
        (b"content-type", kind),
        (b"content-length", str(len(body)).encode()),
        *headers,
    )
    head = b"".join(b"%s: %s\r\n" % each for each in every)
    line = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n".encode()
    return line + head + b"\r\n" + (b"" if bodiless else body)
