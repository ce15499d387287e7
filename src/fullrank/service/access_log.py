"""A line of JSON for each request, written by a thread so that a slow reader delays no answer."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import deque
from typing import Any, TextIO

import msgspec

MOST = 20_000
"""Lines that wait to be written; more are dropped, and the next line says how many."""
EVERY = 0.1
"""Seconds between two writes."""


class AccessLog:
    """Writes to standard output unless another stream is given.

    Args:
        stream: Where lines go; None for standard output.
        wanted: False for no lines at all.
    """

    def __init__(self, stream: TextIO | None = None, *, wanted: bool = True) -> None:
        self._stream = stream or sys.stdout
        self._lines: deque[bytes] = deque()
        self._dropped, self._wanted, self._ended = 0, wanted, threading.Event()
        self._encode = msgspec.json.Encoder().encode
        self._thread = threading.Thread(target=self._run, name="access-log", daemon=True)
        if wanted:
            self._thread.start()

    def request(self, **values: Any) -> None:
        """Logs a request."""
        if not self._wanted:
            return
        if len(self._lines) >= MOST:
            self._dropped += 1
            return
        now = time.time()
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
        line = {"time": f"{moment}.{int(now % 1 * 1000):03d}Z", "pid": os.getpid(), **values}
        if self._dropped:
            line["dropped"], self._dropped = self._dropped, 0
        self._lines.append(self._encode(line))

    def close(self) -> None:
        """Writes what still waits."""
        self._ended.set()
        if self._wanted:
            self._thread.join(timeout=2)

    def _run(self) -> None:
        while not self._ended.wait(EVERY):
            self._write()
        self._write()

    def _write(self) -> None:
        lines = [self._lines.popleft() for _ in range(len(self._lines))]
        if not lines:
            return
        try:
            self._stream.write(b"\n".join(lines).decode("utf-8", "backslashreplace") + "\n")
            self._stream.flush()
        except (OSError, ValueError):  # nobody reads any more
            self._wanted = False


def say(text: str) -> None:
    """One line on standard error, for the one who runs the service."""
    try:
        sys.stderr.write(f"{' '.join(text.split())}\n")
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):
        pass
