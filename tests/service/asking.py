"""Asking a service: its app in this process, or a server in another."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fullrank.service.app import App
from fullrank.service.keys import Keys
from fullrank.service.models import names_of
from fullrank.service.panels import Panels
from fullrank.service.service import Service, Slot
from fullrank.service.settings import ServiceSettings

Headers = Sequence[tuple[bytes, bytes]]
POST_PATHS = ("/v1/recommend", "/v1/recommend/session", "/v1/similar", "/v1/explain")


class Reply:
    """What a service answered."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Local:
    """An app that is asked without a socket."""

    def __init__(self, *folders: Path, **settings: Any) -> None:
        self.settings = ServiceSettings(
            folders=tuple(map(str, folders)), access_log=False, **settings
        )
        slots = {
            name: Slot(name, Path(folder), self.settings.max_k, Panels(None))
            for name, folder in zip(
                names_of(self.settings.folders), self.settings.folders, strict=True
            )
        }
        self.service = Service(self.settings, slots, Keys.of(self.settings.key_file))
        self.app = App(self.service)

    def together(self, *requests: tuple[str, str, Any], headers: Headers = ()) -> list[Reply]:
        """The answers to requests that come in the same turn of the loop."""

        async def run() -> list[Reply]:
            self.service.open()
            return await asyncio.gather(*(self._ask(*each, headers) for each in requests))

        return asyncio.run(run())

    def ask(self, method: str, path: str, body: Any = None, headers: Headers = ()) -> Reply:
        return self.together((method, path, body), headers=headers)[0]

    def post(self, path: str, **fields: Any) -> Reply:
        return self.ask("POST", path, fields)

    async def _ask(self, method: str, target: str, body: Any, headers: Headers) -> Reply:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        path, _, query = target.partition("?")
        sent: list[Any] = []
        given = {"type": "http", "method": method, "path": path, "query_string": query.encode()}
        given["headers"] = [(b"content-length", str(len(data)).encode()), *headers]
        parts = iter([{"type": "http.request", "body": data, "more_body": False}])

        async def receive() -> Any:
            return next(parts)

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app(given, receive, send)
        named = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return Reply(sent[0]["status"], named, sent[1]["body"])


class Running:
    """``fullrank serve`` in a process of its own."""

    def __init__(self, process: subprocess.Popen[str], log: Path, port: int) -> None:
        self.process, self.log, self.port = process, log, port

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Reply:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
            line.request(method, path, data, headers or {})
            reply = line.getresponse()
            return Reply(reply.status, dict(reply.getheaders()), reply.read())
        finally:
            line.close()

    def post(self, path: str, **fields: Any) -> Reply:
        return self.ask("POST", path, fields)

    def raw(self, data: bytes, *, wait: float = 5.0) -> bytes:
        """What comes back for some bytes, to the end of the connection or for so long."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=wait) as line:
            got = b""
            try:
                line.sendall(data)
                line.shutdown(socket.SHUT_WR)
                while part := line.recv(65536):
                    got += part
            except OSError:
                pass
            return got

    @property
    def said(self) -> str:
        return self.log.with_suffix(".err").read_text()

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


@contextmanager
def running(*arguments: object, log: Path) -> Iterator[Running]:
    """A server on a free port, that has begun to answer."""
    with log.open("w") as out, log.with_suffix(".err").open("w") as err:
        process = subprocess.Popen(
            [sys.executable, "-m", "fullrank", "serve", *map(str, arguments), "--port", "0",
             "--threads", "1"],
            stdout=out, stderr=err, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"},
        )  # fmt: skip
    try:
        line = until(lambda: _address(log.with_suffix(".err"), process), 60)
        yield Running(process, log, int(line.rpartition(":")[2]))
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def _address(path: Path, process: subprocess.Popen[str]) -> str:
    text = path.read_text()
    assert process.poll() is None, text
    return next((line for line in text.splitlines() if line.startswith("serving on ")), "")


def until(ask: Callable[[], Any], seconds: float = 60) -> Any:
    """The first answer that is true, within so long."""
    deadline = time.monotonic() + seconds
    while not (found := ask()):
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.05)
    return found
