"""Malformed requests by the thousand against a running service: no 500, no growth of memory.

    python tests/service/storm.py --requests 100000 [--workers 2] [--model DIR]
        [--seed 1]

Bodies are right ones with something put in, taken out or damaged; besides, bytes at random, headers
without sense, and clients that hang up in the middle. Prints what was answered and the memory of
the service after a tenth and at the end; exit code 1 where an answer was 500 or above, the service
ended, or memory grew by more than a tenth.
"""

from __future__ import annotations

import argparse
import copy
import http.client
import json
import random
import socket
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from asking import POST_PATHS, Running, running

GROWTH = 1.1
"""Of the memory after a tenth of the requests; room for what allocators keep."""
VALID: dict[str, dict[str, Any]] = {
    "/v1/recommend": {"users": ["u1", "u2"], "k": 5, "exclude": ["train"], "exclude_seen": True},
    "/v1/recommend/session": {"items": ["i1", "i2"], "k": 5, "deny": ["i3"], "allow": None},
    "/v1/similar": {"items": ["i1"], "k": 3, "model": None},
    "/v1/explain": {"user": "u1", "item": "i1"},
}
VALUES: list[Any] = [
    None, True, False, 0, -1, 1, 10**9, 2**63, -(2**70), 10**400, 0.5, -0.0, 1e308, float("nan"),
    float("inf"), "", " ", "u1", "\ud800", "\x00", "a" * 5000, "🜁" * 50, "../../etc/passwd", [],
    [[]], [None], ["u1"] * 1500, [1, "1", 1.0], {}, {"a": {"b": []}}, {"": ""}, {"k": 10},
    [{"users": 1}],
]  # fmt: skip
TARGETS = (
    "/", "/docs", "/openapi.json", "/metrics", "/healthz", "/readyz", "/v1/model", "/v1/items",
    "/v1/items/", "/v1/users/%00", "/v1/items/%ff%fe", "/v1/items?query=%F0%9F&limit=-1",
    "/v1/items?limit=1e9", "/v1/users?query=%5C(%5B", "/v1/model?model=%2e%2e", "//",
    "/%2e%2e/", "/page/../app.py", "/page/%2e%2e/app.py", "/v1/model/spectrum?model=", "*", "/v1",
)  # fmt: skip
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE")


class Storm:
    """Requests, drawn one after the other."""

    def __init__(self, server: Running, seed: int) -> None:
        self.server, self.random = server, random.Random(seed)
        self.answers: Counter[int] = Counter()
        self.faults: list[str] = []
        self._line = self._connected()

    def run(self, count: int) -> None:
        kinds = (self._changed, self._damaged, self._elsewhere, self._bytes, self._hang_up)
        for _ in range(count):
            self.random.choices(kinds, (8, 4, 3, 2, 1))[0]()

    def _connected(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=20)

    def _ask(self, method: str, target: str, body: bytes | None) -> None:
        for again in (True, False):
            try:
                self._line.request(method, target, body)
                reply = self._line.getresponse()
                self._note(reply.status, reply.read(), (method, target, body))
                return
            except (OSError, http.client.HTTPException) as error:
                self._line.close()
                self._line = self._connected()
                if not again:
                    self.faults.append(f"{error!r}: {method} {target} {(body or b'')[:200]!r}")

    def _note(self, status: int, body: bytes, asked: object) -> None:
        self.answers[status] += 1
        if status >= 500 or b"Traceback" in body:
            self.faults.append(f"{status} {body[:200]!r}: {str(asked)[:500]}")

    def _changed(self) -> None:
        draw = self.random
        path = draw.choice(POST_PATHS)
        document = json.loads(json.dumps(VALID[path]))
        for _ in range(draw.randint(1, 3)):
            name = draw.choice([*document, "more", "rules", "allow"])
            value = copy.deepcopy(draw.choice(VALUES))
            if draw.random() < 0.15:
                document.pop(name, None)
            elif draw.random() < 0.3 and isinstance(document.get(name), list):
                document[name].append(value)
            else:
                document[name] = value
        body = json.dumps(document, ensure_ascii=draw.random() < 0.5)
        self._ask("POST", path, body.encode("utf-8", "surrogatepass"))

    def _damaged(self) -> None:
        draw = self.random
        path = draw.choice(POST_PATHS)
        body = bytearray(json.dumps(VALID[path]).encode())
        for _ in range(draw.randint(1, 6)):
            at = draw.randrange(len(body))
            what = draw.random()
            if what < 0.3:
                body[at] = draw.randrange(256)
            elif what < 0.5:
                del body[at : at + draw.randint(1, 5)]
                body = body or bytearray(b"{")
            elif what < 0.8:
                body[at:at] = draw.choice(
                    (b"[" * 3000, b'{"a":' * 500, b"\xff", b",", b"1e999", b"\\u")
                )
            else:
                body = bytearray(draw.randbytes(draw.randint(1, 200)))
        self._ask("POST", path, bytes(body))

    def _elsewhere(self) -> None:
        draw = self.random
        body = None if draw.random() < 0.5 else draw.randbytes(draw.randint(0, 300))
        self._ask(draw.choice(METHODS), draw.choice(TARGETS), body)

    def _bytes(self) -> None:
        draw = self.random
        head = draw.choice((
            b"", b"GET ", b"POST /v1/recommend HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nhost: a\r\n",
            b"POST /v1/recommend HTTP/1.1\r\ncontent-length: 99999999999999999999\r\n\r\n",
            b"POST /v1/similar HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nffffffffffff\r\n",
            b"POST /v1/similar HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n",
            b"GET / HTTP/1.1\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        ))  # fmt: skip
        got = self.server.raw(head + draw.randbytes(draw.randint(0, 400)))
        for answer in got.split(b"HTTP/1.1 ")[1:]:
            self._note(int(answer[:3]), answer, head)

    def _hang_up(self) -> None:
        body = json.dumps(VALID["/v1/recommend"]).encode()
        whole = (
            b"POST /v1/recommend HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n" % len(body)
            + body
        )
        try:
            with socket.create_connection(("127.0.0.1", self.server.port), timeout=5) as line:
                line.sendall(whole[: self.random.randrange(len(whole) + 1)])
        except OSError as error:
            self.faults.append(repr(error))


def memory(pid: int) -> int:
    """Bytes of a process and its children in memory, without what they map of files."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024 + sum(memory(int(each)) for each in children)
    return 0


def storm(server: Running, count: int, seed: int) -> dict[str, Any]:
    """What came of so many requests."""
    made = Storm(server, seed)
    made.run(max(count // 10, 1))
    early = memory(server.process.pid)
    made.run(count - count // 10)
    late = memory(server.process.pid)
    if server.process.poll() is not None:
        made.faults.append("the service has ended")
    elif server.ask("GET", "/healthz").status != 200:
        made.faults.append("the service does not answer")
    if late > GROWTH * early:
        made.faults.append(f"memory grew from {early} to {late} bytes")
    return {
        "requests": count,
        "seed": seed,
        "answers": {str(status): made.answers[status] for status in sorted(made.answers)},
        "memory_after_a_tenth": early,
        "memory_at_the_end": late,
        "faults": made.faults[:20],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument(
        "--model", type=Path, help="A model folder; a small one is fitted if absent."
    )
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        folder = given.model
        if folder is None:
            from fullrank import Recommender, generate

            folder = Path(home) / "model"
            Recommender("bpr", epochs=1, dim=16).fit(generate(200, 120, 3000, seed=1)).save(folder)
        with running(
            folder, "--no-access-log", "--workers", given.workers, log=Path(home) / "log"
        ) as server:
            result = storm(server, given.requests, given.seed)
            result["said"] = server.said.splitlines()[1:20]
    print(json.dumps(result, indent=1))  # noqa: T201
    return 1 if result["faults"] else 0


if __name__ == "__main__":
    sys.exit(main())
