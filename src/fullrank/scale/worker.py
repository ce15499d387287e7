"""A worker as Ray runs it: one thread trains, others answer the head."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

from fullrank.errors import Stopped
from fullrank.scale.group import joined, left
from fullrank.scale.job import Found, Job, work
from fullrank.training.checkpoint import Record

News = list[tuple[str, tuple[Any, ...]]]
"""Calls of a reporter, by the name of its method and what it was given."""


class Mailbox:
    """A reporter whose news wait until the head asks for them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._news: News = []

    def start(self, epochs: int, steps: int, history: Sequence[Record]) -> None:
        """See `fullrank.training.Reporter`, as for the others."""
        self._add("start", epochs, steps, list(history))

    def steps(self, count: int) -> None:
        """Adds to the steps that wait, if the last news is of some."""
        with self._lock:
            if self._news and self._news[-1][0] == "steps":
                count += self._news.pop()[1][0]
            self._news.append(("steps", (count,)))

    def epoch(self, record: Record) -> None:
        """An epoch is done."""
        self._add("epoch", dict(record))

    def trial(self, record: Record) -> None:
        """A trial has reached a rung."""
        self._add("trial", dict(record))

    def close(self) -> None:
        """Training has ended."""
        self._add("close")

    def note(self, line: str) -> None:
        """Something that a person should know."""
        self._add("note", line)

    def taken(self) -> News:
        """What waits, which waits no more."""
        with self._lock:
            news, self._news = self._news, []
        return news

    def _add(self, kind: str, *arguments: Any) -> None:
        with self._lock:
            self._news.append((kind, arguments))


class Worker:
    """One of W workers.

    Args:
        rank: Its number.
        size: W.
    """

    def __init__(self, rank: int, size: int) -> None:
        self.rank, self.size = rank, size
        self.mailbox = Mailbox()
        self._stop = threading.Event()

    def pid(self) -> int:
        """Its process."""
        return os.getpid()

    def address(self) -> str:
        """Where the workers can meet: a port of this one's machine that is free."""
        from ray.util import get_node_ip_address

        with socket.socket() as probe:
            probe.bind(("", 0))
            port = probe.getsockname()[1]
        here: str = get_node_ip_address()  # type: ignore[no-untyped-call]
        return f"tcp://{here}:{port}"

    def train(
        self, where: str, job: Job, *, device: str, threads: int, resume: bool
    ) -> Found | None:
        """Does its part of the job; None if it was asked to stop."""
        torch.set_num_threads(threads)
        group, ahead = joined(where, self.rank, self.size, device)
        try:
            return work(
                group,
                ahead,
                replace(job, resume=resume),
                self.mailbox,
                stop=self._stop.is_set,
                slow=self.mailbox.note,
            )
        except Stopped:
            return None
        finally:
            left()

    def news(self) -> News:
        """What has happened since the last call."""
        return self.mailbox.taken()

    def stop(self) -> None:
        """Asks it to stop at the next word with the others, after a checkpoint."""
        self._stop.set()
