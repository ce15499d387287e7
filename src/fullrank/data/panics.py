"""What polars prints of a panic, kept off standard error: the error that is raised says it."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

_ONE_AT_A_TIME = threading.RLock()


def is_panic(error: BaseException) -> bool:
    """Whether code in Rust gave up: no `Exception`, and each library has a class of its own."""
    return type(error).__name__ == "PanicException"


@contextmanager
def unprinted_panics() -> Iterator[None]:
    """Holds back what is written to standard error, and passes it on unless it is of a panic.

    A damaged Parquet or Arrow file may make the parser panic in a thread of its own. Rust prints
    that at once, whatever becomes of the error.
    """
    with _ONE_AT_A_TIME, ExitStack() as stack:
        with suppress(OSError):  # standard error is closed, or nothing can be written anywhere
            _hold_back(stack)
        yield


def _hold_back(stack: ExitStack) -> None:
    held = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115  # closed by the stack
    printed = os.dup(2)
    stack.callback(os.close, printed)

    def give_back() -> None:
        os.dup2(printed, 2)
        held.seek(0)
        text = held.read()
        if text and b"panicked at" not in text:
            with suppress(OSError):
                os.write(2, text)

    os.dup2(held.fileno(), 2)
    stack.callback(give_back)
