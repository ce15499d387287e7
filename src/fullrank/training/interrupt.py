"""Ctrl-C and requests to end that wait for the end of a step, so that what is saved is whole."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

NUMBERS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
"""Ctrl-C, a request to end, and a terminal that was closed."""


class Interrupt:
    """Whether a stop has been asked for, and by which signal."""

    def __init__(self) -> None:
        self.requested = False
        self.number: int = signal.SIGINT


_deferred: list[Interrupt] = []
"""The flag that signals set now, if they are deferred: empty or one."""


@contextmanager
def deferred_interrupt() -> Iterator[Interrupt]:
    """Turns the first of `NUMBERS` into a flag; a second SIGINT acts at once.

    Inside of another one it is the other's flag: what comes between two parts of a whole is seen by
    the part that is next. A signal that nobody has acted on acts at the end, as it would have.

    Outside the main thread, where Python allows no signal handlers, the flag is never set; what
    this process was started to ignore, as by nohup, it goes on to ignore.
    """
    if threading.current_thread() is not threading.main_thread():
        yield Interrupt()
        return
    if _deferred:
        yield _deferred[0]
        return
    interrupt = Interrupt()

    def ask(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        interrupt.requested, interrupt.number = True, number
        if signal.SIGINT in ours:
            signal.signal(signal.SIGINT, ours[signal.SIGINT])

    before = {number: signal.getsignal(number) for number in NUMBERS}
    ours = {number: old for number, old in before.items() if old not in (signal.SIG_IGN, None)}
    _deferred.append(interrupt)
    try:
        for number in ours:
            signal.signal(number, ask)
        yield interrupt
    finally:
        _deferred.clear()
        for number, old in ours.items():
            signal.signal(number, old)
    if interrupt.requested:
        signal.raise_signal(interrupt.number)


@contextmanager
def noted_interrupt() -> Iterator[Interrupt]:
    """Lets `NUMBERS` act as before, and notes that they came.

    An exception that strikes in a destructor is lost; whoever asks between two works knows of it.
    """
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return

    def note(number: int, frame: FrameType | None) -> None:
        interrupt.requested, interrupt.number = True, number
        ours[number](number, frame)

    before = {number: signal.getsignal(number) for number in NUMBERS}
    ours = {number: old for number, old in before.items() if callable(old)}
    try:
        for number in ours:
            signal.signal(number, note)
        yield interrupt
    finally:
        for number, old in ours.items():
            signal.signal(number, old)
