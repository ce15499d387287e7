"""Load on a service: connections that each ask again as soon as they are answered.

``service_load.py PORT CONNECTIONS SECONDS K IDS.json`` prints requests a second, percentiles of the
milliseconds of an answer, and how many were no 200. Requests of one random user each, made before
the clock runs; raw sockets, so that the client costs little of the cores that both sides share.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from pathlib import Path

import numpy as np

PREPARED = 5000


class Connection(asyncio.Protocol):
    """A client that is never idle."""

    def __init__(self, requests: list[bytes], seed: int, took: list[float], until: float) -> None:
        self.requests, self.random = requests, random.Random(seed)
        self.took, self.until, self.failed = took, until, 0
        self.left, self.head = 0, b""
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self._ask()

    def _ask(self) -> None:
        self.begun = time.perf_counter()
        self.head = b""
        self.transport.write(self.random.choice(self.requests))

    def data_received(self, data: bytes) -> None:
        if self.left:
            self.left -= len(data)
        else:
            self.head += data
            end = self.head.find(b"\r\n\r\n")
            if end < 0:
                return
            at = self.head.lower().index(b"content-length:")
            length = int(self.head[at + 15 : self.head.index(b"\r\n", at)])
            self.failed += not self.head.startswith(b"HTTP/1.1 200")
            self.left = length - (len(self.head) - end - 4)
        if self.left:
            return
        now = time.perf_counter()
        self.took.append(now - self.begun)
        if now < self.until:
            self._ask()
        else:
            self.transport.close()
            self.done.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        if not self.done.done():
            self.failed += 1
            self.done.set_result(None)


async def load(port: int, connections: int, seconds: float, requests: list[bytes]) -> dict:
    loop, took = asyncio.get_running_loop(), []
    begun = time.perf_counter()
    made = [
        (await loop.create_connection(
            lambda seed=seed: Connection(requests, seed, took, begun + seconds), "127.0.0.1", port
        ))[1]
        for seed in range(connections)
    ]  # fmt: skip
    await asyncio.gather(*(each.done for each in made))
    whole = time.perf_counter() - begun
    p50, p99 = np.percentile(took, (50, 99)) * 1000
    failed = sum(each.failed for each in made)
    return {"requests_a_second": len(took) / whole, "p50_ms": p50, "p99_ms": p99,
            "requests": len(took), "failed": failed}  # fmt: skip


def main() -> None:
    port, connections, seconds, k, ids = sys.argv[1:6]
    users = json.loads(Path(ids).read_text())["users"]
    draw, requests = random.Random(0), []
    for _ in range(PREPARED):
        body = json.dumps({"users": [draw.choice(users)], "k": int(k)}).encode()
        head = f"POST /v1/recommend HTTP/1.1\r\nhost: a\r\ncontent-length: {len(body)}\r\n"
        requests.append(head.encode() + b"content-type: application/json\r\n\r\n" + body)
    print(json.dumps(asyncio.run(load(int(port), int(connections), float(seconds), requests))))


if __name__ == "__main__":
    main()
