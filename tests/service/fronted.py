"""A front in this process, before processes that are none: they answer as they are told to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from fullrank.service.front import Front
from fullrank.service.server import listening, loop_factory
from fullrank.service.settings import ServiceSettings
from fullrank.service.upstream import Worker

LOOP = loop_factory()


class Fake:
    """What looks like a process: it answers with what it was asked.

    Args:
        path: Of its socket.
        front: That asks it.
    """

    def __init__(self, path: Path, front: Front) -> None:
        self.path, self.front = path, front
        self.seen: list[tuple[bytes, bytes]] = []
        self.lines: set[asyncio.StreamWriter] = set()
        self.most, self.now = 0, 0
        self.pause = asyncio.Event()
        self.pause.set()
        self.worker: Worker | None = None

    async def start(self) -> None:
        self.server = await asyncio.start_unix_server(self._serve, self.path)
        self.worker = self.front.pool.add(str(self.path))

    def kill(self, *, half: bool = False) -> None:
        """Ends it, perhaps in the middle of what it writes."""
        self.server.close()
        for line in list(self.lines):
            if half:
                line.write(b'HTTP/1.1 200 OK\r\ncontent-length: 40\r\n\r\n{"half":')
            line.close()
        self.lines.clear()
        assert self.worker is not None
        asyncio.get_running_loop().call_later(0.01, self.front.pool.remove, self.worker)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.lines.add(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                at = head.find(b"content-length: ")
                size = int(head[at + 16 : head.index(b"\r\n", at)]) if at >= 0 else 0
                body = await reader.readexactly(size)
                self.seen.append((head, body))
                self.now += 1
                self.most = max(self.most, self.now)
                if b"poison" in body:
                    self.kill()
                    return
                await self.pause.wait()
                await asyncio.sleep(0.002)
                self.now -= 1
                if writer in self.lines:
                    self._answer(writer, head, body)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.lines.discard(writer)
            writer.close()

    def _answer(self, writer: asyncio.StreamWriter, head: bytes, body: bytes) -> None:
        method, target, _ = head.split(b" ", 2)
        text = json.dumps({"target": target.decode(), "body": body.decode("latin-1")}).encode()
        length = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(text)
        writer.write(length[:20])  # in more than one piece
        writer.write(length[20:] + (b"" if method == b"HEAD" else text))


class Fronted:
    """A front that listens, and its processes."""

    def __init__(self, home: Path, **settings: Any) -> None:
        values = {"folders": ("m",), "workers": 2, "access_log": False} | settings
        self.home, self.settings = home, ServiceSettings(**values)
        self.fakes: list[Fake] = []
        self.count = 0

    async def open(self, count: int = 2) -> None:
        self.front = Front(self.settings)
        socket_ = listening("127.0.0.1", 0)
        self.port = socket_.getsockname()[1]
        await self.front.open(socket_)
        for _ in range(count):
            await self.more()

    async def more(self) -> Fake:
        fake = Fake(self.home / f"{self.count}.sock", self.front)
        self.count += 1
        await fake.start()
        self.fakes.append(fake)
        return fake

    async def raw(self, data: bytes, *, end: bool = True) -> bytes:
        """What comes back for some bytes, to the end of the connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(data)
        if end:
            writer.write_eof()
        got = b""
        try:
            async with asyncio.timeout(10):
                got = await reader.read()
        except ConnectionError:
            pass
        writer.close()
        return got

    async def ask(self, body: bytes, path: bytes = b"/v1/recommend") -> tuple[int, Any]:
        """A request on a connection of its own: status and document."""
        got = await self.raw(post(body, path=path))
        head, _, rest = got.partition(b"\r\n\r\n")
        return int(head[9:12]), json.loads(rest)

    async def close(self) -> None:
        await self.front.drain()
        for fake in self.fakes:
            fake.server.close()
            for line in list(fake.lines):
                line.close()


def post(body: bytes, more: bytes = b"", path: bytes = b"/v1/recommend") -> bytes:
    head = b"POST %s HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n%s\r\n" % (path, len(body), more)
    return head + body


def run(
    home: Path,
    told: Callable[[Fronted], Awaitable[None]],
    count: int = 2,
    loop: Callable[[], asyncio.AbstractEventLoop] | None = LOOP,
    **kw: Any,
) -> None:
    """Runs a test in a loop of the service, with a front that is idle again behind it."""

    async def whole() -> None:
        made = Fronted(home, **kw)
        await made.open(count)
        try:
            async with asyncio.timeout(30):
                await told(made)
                while made.front.clients:
                    await asyncio.sleep(0.005)
                assert made.front.pool.held == 0
        finally:
            await made.close()

    faults: list[Any] = []
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.get_loop().set_exception_handler(lambda _, context: faults.append(context))
        runner.run(whole())
        assert faults == [], faults
