"""Clients that ask all the time, each on a connection of its own, and note what goes wrong."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Clients:
    """Threads that ask for lists.

    Attributes:
        answered: Answers of status 200.
        versions: Those that answers named.
        failures: Every other answer, and every error of a connection that was new.
        lost: Requests on a connection that ended before their answer, and were asked again.
    """

    def __init__(self, port: int, count: int) -> None:
        self.port = port
        self.answered, self.lost = 0, 0
        self.versions: set[str] = set()
        self.failures: list[str] = []
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=(n,)) for n in range(count)]

    def start(self) -> None:
        for each in self._threads:
            each.start()

    def end(self) -> None:
        self._ended.set()
        for each in self._threads:
            each.join(30)

    def _run(self, number: int) -> None:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=150)
        body = json.dumps({"users": [f"u{number}"], "k": 5})
        used = 0
        while not self._ended.is_set():
            try:
                line.request("POST", "/v1/recommend", body)
                reply = line.getresponse()
                self._note(reply.status, reply.read())
                used += 1
            except (OSError, http.client.HTTPException) as error:
                line.close()
                with self._lock:
                    if used:  # by HTTP a client asks again on a new connection
                        self.lost += 1
                    else:
                        self.failures.append(repr(error))
                used = 0
            time.sleep(0.002)
        line.close()

    def _note(self, status: int, body: bytes) -> None:
        document: dict[str, Any] = json.loads(body)
        with self._lock:
            if status == 200 and len(document["lists"][0]["items"]) == 5:
                self.answered += 1
                self.versions.add(document["model"]["version"])
            else:
                self.failures.append(f"{status} {body[:200]!r}")


@contextmanager
def clients(port: int, count: int = 6) -> Iterator[Clients]:
    made = Clients(port, count)
    made.start()
    try:
        yield made
    finally:
        made.end()
