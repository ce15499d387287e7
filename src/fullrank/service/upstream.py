"""The processes that answer, as the front sees them: who is asked next, and what if one ends.

An answer is taken only when it has come whole. When a connection ends before that, the request is
asked again of another process: every endpoint only reads, so that asking twice does no harm.
"""

from __future__ import annotations

import asyncio
from collections import deque

from fullrank.service.access_log import say
from fullrank.service.link import Link, Request
from fullrank.service.problems import Problem
from fullrank.service.refusals import fatal, no_process

MOST_ENDS = 3
"""Processes that may end while they work on a request; it is not asked again after that."""
DOUBT = 0.1
"""Seconds without new requests for a process that lost a connection: by then its end is known."""
EVERY = 0.25
"""Seconds between two looks at requests that wait too long."""


class Worker:
    """A process that answers.

    Args:
        path: Of its socket.
        pool: That it belongs to.
    """

    def __init__(self, path: str, pool: Pool) -> None:
        self._path, self._pool = path, pool
        self._idle: list[Link] = []
        self._connecting: set[asyncio.Task[None]] = set()
        self.busy, self.suspects, self.last = 0, 0, 0
        self.doubted, self.gone = False, False

    def ask(self, request: Request, number: int) -> None:
        """Sends a request on a connection that is free, or on a new one."""
        self.busy, self.last = self.busy + 1, number
        if request.ends:
            self.suspects += 1
        while self._idle:
            link = self._idle.pop()
            if not link.transport.is_closing():  # its end may be known and not told yet
                link.send(request)
                return
        task = asyncio.get_running_loop().create_task(self._connect(request))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _connect(self, request: Request) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, link = await loop.create_unix_connection(lambda: Link(self), self._path)
        except OSError:
            self._finished(request)
            self.doubt()
            self._pool.again(request)
            return
        link.send(request)

    def answered(self, link: Link, request: Request, answer: bytes, *, keeps: bool) -> None:
        """Hands an answer on."""
        self._finished(request)
        if not keeps or self.gone or len(self._idle) >= self._pool.limit:
            link.transport.close()
        else:
            self._idle.append(link)
        self._pool.done(request, answer, keeps=keeps)

    def lost(self, link: Link, request: Request | None) -> None:
        """Asks again what was asked on a connection that ended."""
        if link in self._idle:
            self._idle.remove(link)
        if request is not None:
            self._finished(request)
            self.doubt()
            request.ends += 1
            self._pool.again(request)

    def _finished(self, request: Request) -> None:
        self.busy -= 1
        if request.ends:
            self.suspects -= 1

    def doubt(self) -> None:
        """Asks it nothing for a moment, in which its end would be noticed."""
        if not self.doubted:
            self.doubted = True
            asyncio.get_running_loop().call_later(DOUBT, self._trust)

    def _trust(self) -> None:
        self.doubted = False
        self._pool.pump()

    def close(self) -> None:
        """Closes the connections that are free."""
        self.gone = True
        for link in self._idle:
            link.transport.close()


class Pool:
    """All processes, and the requests that wait for one.

    A request that was with a process when that ended may be why. Such suspects are asked again one
    at a time of a process, so that one that ends every process takes no other with it twice.

    Args:
        limit: Requests that a process may work on at a time.
        most: Requests that are counted at a time, of all processes.
        seconds: How long a request may wait while no process is there.
    """

    def __init__(self, limit: int, most: int, seconds: float) -> None:
        self.limit, self.most, self._seconds = limit, most, seconds
        self.held = 0
        """Requests that are counted now."""
        self._workers: list[Worker] = []
        self._waiting: deque[Request] = deque()
        self._suspects: deque[Request] = deque()
        self._number = 0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def ready(self) -> bool:
        """Whether there is a process to ask."""
        return bool(self._workers)

    def add(self, path: str) -> Worker:
        """A process that has begun to answer."""
        worker = Worker(path, self)
        self._workers.append(worker)
        asyncio.get_running_loop().call_soon(self.pump)
        return worker

    def remove(self, worker: Worker) -> None:
        """A process that has ended."""
        if worker in self._workers:
            self._workers.remove(worker)
        worker.close()

    def ask(self, request: Request) -> None:
        """Asks the process with the fewest requests; ``request.done`` gets what comes of it."""
        request.since = asyncio.get_running_loop().time()
        self._ask(request)

    def again(self, request: Request) -> None:
        """Asks what has no answer yet."""
        if request.dropped:
            self._release(request)
        elif request.ends >= MOST_ENDS:
            say(f"{request.ends} processes ended while they worked on a request; it gets a 502")
            self.done(request, fatal(request.ends))
        elif self._late(request):
            self.done(request, no_process(self._seconds))
        else:
            self._ask(request)

    def done(self, request: Request, answer: bytes | Problem, *, keeps: bool = True) -> None:
        """Hands on what came of a request, and asks the next."""
        self._release(request)
        if not request.dropped:
            request.done(answer, keeps=keeps)
        if self._suspects or self._waiting:
            self.pump()

    def pump(self) -> None:
        """Asks what waits, as far as processes are free."""
        for queue in (self._suspects, self._waiting):
            while queue:
                if queue[0].dropped:
                    self._release(queue.popleft())
                    continue
                worker = self._free(queue[0])
                if worker is None:
                    break
                self._send(worker, queue.popleft())

    def _ask(self, request: Request) -> None:
        worker = self._free(request)
        if worker is not None:
            self._send(worker, request)
            return
        (self._suspects if request.ends else self._waiting).append(request)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(EVERY, self._expire)

    def _send(self, worker: Worker, request: Request) -> None:
        self._number += 1
        worker.ask(request, self._number)

    def _free(self, request: Request) -> Worker | None:
        best: Worker | None = None
        for each in self._workers:
            if each.doubted or (request.ends and each.suspects):
                continue
            if request.counted and each.busy >= self.limit:
                continue
            if best is None or (each.busy, each.last) < (best.busy, best.last):
                best = each
        return best

    def _release(self, request: Request) -> None:
        if request.counted:
            self.held -= 1
            request.counted = False

    def _late(self, request: Request) -> bool:
        return asyncio.get_running_loop().time() - request.since > self._seconds

    def _expire(self) -> None:
        """Refuses what waits too long while there is no process."""
        self._timer = None
        for queue in () if self.ready else (self._suspects, self._waiting):
            for request in [each for each in queue if each.dropped or self._late(each)]:
                queue.remove(request)
                self.again(request)
        if self._suspects or self._waiting:
            self._timer = asyncio.get_running_loop().call_later(EVERY, self._expire)
