"""The body of a request: never more of it in memory than the limit, nor longer in coming."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from fullrank.service.refusals import large_body, slow_body
from fullrank.service.settings import ServiceSettings


async def read_body(
    headers: list[tuple[bytes, bytes]],
    receive: Callable[[], Awaitable[Any]],
    settings: ServiceSettings,
) -> bytes:
    """The whole body.

    Of a body that is too large the rest is read and dropped for as long as a body may take: a
    client that is cut off while it sends would not see the answer.

    Raises:
        Problem: it is too large, or too slow.
        ConnectionError: the client has gone.
    """
    read = _Read()
    limit = settings.max_body
    try:  # one deadline for all parts: a byte now and then is no progress
        async with asyncio.timeout(settings.body_seconds):
            await _all(receive, limit, read)
    except TimeoutError:
        if read.size <= limit:
            raise slow_body(read.size, settings.body_seconds) from None
    if read.size > limit:
        raise large_body(dict(headers).get(b"content-length", b""), limit)
    return b"".join(read.parts)


class _Read:
    """What has come."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.size = 0


async def _all(receive: Callable[[], Awaitable[Any]], limit: int, read: _Read) -> None:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError
        part = message["body"]
        read.size += len(part)
        if read.size <= limit:
            read.parts.append(part)
        else:
            read.parts.clear()
        if not message["more_body"]:
            return
