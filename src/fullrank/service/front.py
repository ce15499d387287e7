"""What clients connect to when several processes answer: it holds their connections.

A process may then end at any moment without a client that notices. Requests are read whole, with
all bounds on what clients may send, and handed to a process with one exact length; answers go out
whole.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys

import msgspec

from fullrank.service.access_log import AccessLog
from fullrank.service.client import Client
from fullrank.service.messages import Health
from fullrank.service.metrics import Metrics
from fullrank.service.refusals import as_http
from fullrank.service.settings import ServiceSettings
from fullrank.service.upstream import Pool

ENDPOINT = "front"
"""What the log and the counters call that which the front answers itself."""
EVERY = 0.25
"""Seconds between two looks at deadlines; a timer of each request would cost more than all else."""
JSON = b"application/json"
HEALTH = (b"/healthz", b"/readyz")


class Front:
    """Clients on one side, processes on the other.

    Args:
        settings: Of the service.
    """

    def __init__(self, settings: ServiceSettings) -> None:
        self.settings = settings
        self.pool = Pool(
            settings.concurrency, settings.concurrency * settings.workers, settings.worker_seconds
        )
        self.clients: set[Client] = set()
        self.draining = False
        self._metrics, self._log = Metrics(), AccessLog(wanted=settings.access_log)
        self._server: asyncio.Server | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def open(self, listening: socket.socket) -> None:
        """Begins to accept connections."""
        _more_files()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Client(self), sock=listening, backlog=2048)
        self._look()

    async def drain(self) -> None:
        """Accepts no more, and answers what has begun to come, for as long as is set."""
        self.draining = True
        if self._server is not None:
            self._server.close()
        for each in list(self.clients):
            each.shutdown()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.settings.drain_seconds):
                while self.clients:
                    await asyncio.sleep(0.02)
        for each in list(self.clients):
            each.transport.abort()
        if self._timer is not None:
            self._timer.cancel()
        self._log.close()

    def health(self, method: bytes, url: bytes) -> bytes | None:
        """The answer to a probe that no process can give, or none should."""
        if (self.pool.ready and not self.draining) or url not in HEALTH:
            return None
        if method not in (b"GET", b"HEAD"):
            return None
        lives = url == b"/healthz"
        status = 200 if lives else 503
        word = "ok" if lives else "ending" if self.draining else "starting"
        self.note(method, status, asyncio.get_running_loop().time(), 0)
        body = msgspec.json.encode(Health(word))
        return as_http(status, body, kind=JSON, bodiless=method == b"HEAD")

    def note(self, method: bytes, status: int, begun: float, size: int) -> None:
        """Counts and logs what no process has seen."""
        seconds = asyncio.get_running_loop().time() - begun
        self._metrics.request(ENDPOINT, status, seconds)
        self._log.request(method=method.decode("ascii"), endpoint=ENDPOINT, status=status,
                          ms=round(1000 * seconds, 3), bytes=size)  # fmt: skip

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for each in [each for each in self.clients if each.deadline <= now]:
            each.expire()
        self._timer = loop.call_later(EVERY, self._look)


def _more_files() -> None:
    """Raises the limit of open files: all connections are in this process."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and (hard == resource.RLIM_INFINITY or soft < hard):
        wanted = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
