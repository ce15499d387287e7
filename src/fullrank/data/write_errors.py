"""What a failed write says: one line where the machine and not the program is to blame."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fullrank.data.panics import is_panic
from fullrank.errors import DataError

GONE = "no folder any more"
"""What is found where somebody removed a folder that a command writes into."""
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FULL_WORDS = ("disk is full", "disk i/o error", *(f"os error {number}" for number in _FULL))


def write_error(error: BaseException, target: Path | str) -> DataError | None:
    """What to tell of a failed write, if the machine and not the program is to blame.

    Writers in other languages report an operating system's error as text, with its number in it;
    SQLite has words of its own.
    """
    text = str(error)
    number = error.errno if isinstance(error, OSError) else None
    if number in _FULL or any(words in text for words in _FULL_WORDS):
        return DataError(str(target), "a full disk", "room for it; what was there is untouched")
    if isinstance(error, FileNotFoundError) and not Path(target).parent.exists():
        return DataError(str(target), GONE, "one that stays while it is written to")
    if isinstance(error, OSError):
        reason = (error.strerror or text).lower()
        return DataError(str(target), reason, "a location that can be written; nothing was changed")
    if is_panic(error):
        reason = text.partition("\n")[0] or "a writer that gave up"
        return DataError(str(target), reason, "a location that can be written; nothing was changed")
    return None


@contextmanager
def as_data_errors(target: Path | str) -> Iterator[None]:
    """Turns failed writes into `DataError`; all else passes.

    Raises:
        DataError: the disk is full, or ``target`` cannot be written.
    """
    try:
        yield
    except BaseException as error:  # a panic is no Exception
        failed = write_error(error, target)
        if failed is None:
            raise
        raise failed from None
