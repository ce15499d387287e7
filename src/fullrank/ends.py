"""How a command ends that a signal stops: exit code 128 and its number, and no traceback.

An exception in the middle of an import is lost where C++ called Python to import, or ends the
process there with an abort, as in that of torch. So none is raised while anything is imported.
"""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from fullrank.errors import Stopped

AGAIN = 0.02
"""Seconds after which a signal that came during an import is looked at again."""
_IMPORT = "<frozen importlib._bootstrap>"


def at_once() -> None:
    """Lets signals end the process without a word, while there is nothing to clear away."""

    def leave(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        os._exit(Stopped(number).exit_code)

    for number in _obeyed():
        signal.signal(number, leave)


@contextmanager
def raised(begun: Callable[[], bool]) -> Iterator[None]:
    """Raises `Stopped` for Ctrl-C, SIGTERM and SIGHUP, so that what was begun is cleared away.

    Except where this process was started to ignore them, as nohup does. A `Stopped` that strikes in
    a destructor is lost there, and is raised again.

    Args:
        begun: Whether there is something to clear away. During an import a signal ends the process
            at once if there is not, and is put off if there is.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        if not _importing(frame):
            raise Stopped(number)
        if begun():
            _ask_later(number)
        else:
            os._exit(Stopped(number).exit_code)

    def lost(unraisable: sys.UnraisableHookArgs) -> None:
        if isinstance(unraisable.exc_value, Stopped):
            _ask_later(unraisable.exc_value.number)
        else:
            hook(unraisable)

    ours, hook = _obeyed(), sys.unraisablehook
    try:
        sys.unraisablehook = lost
        for number in ours:
            signal.signal(number, stop)
        yield
    finally:
        sys.unraisablehook = hook
        for number, old in ours.items():
            signal.signal(number, old)


def _obeyed() -> dict[int, Callable[[int, FrameType | None], object] | int | None]:
    """The signals to end by, and what happens at them so far; without those that are ignored."""
    names = ("SIGINT", "SIGTERM", "SIGHUP")
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    return {number: old for number, old in before.items() if old not in (signal.SIG_IGN, None)}


def _ask_later(number: int) -> None:
    later = threading.Timer(AGAIN, _ask, [number])
    later.daemon = True
    later.start()


def _ask(number: int) -> None:
    """Sends the signal to the main thread again, out of a wait too where the system can do that."""
    main = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main is not None:
        signal.pthread_kill(main, number)
    else:
        _thread.interrupt_main(signal.Signals(number))


def _importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename == _IMPORT:
            return True
        frame = frame.f_back
    return False
