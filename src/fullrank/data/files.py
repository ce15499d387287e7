"""Writing files so that a reader sees the old one or the new one, never a part of either."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fullrank.errors import DataError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def cache_folder() -> Path:
    """Where downloads and kernels are kept: ``FULLRANK_CACHE``, or the user's cache folder."""
    named = os.environ.get("FULLRANK_CACHE")
    if named:
        return Path(named).expanduser()
    import pooch  # type: ignore[import-untyped]  # slow, and most runs need no download

    return Path(pooch.os_cache("fullrank"))


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yields a path to write to; it takes the place of ``target`` once it is whole and on disk.

    Raises:
        DataError: the disk is full or the folder cannot be written; ``target`` is as it was.
    """
    part = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield part
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(target)
    except BaseException as error:
        part.unlink(missing_ok=True)
        failed = write_error(error, target)
        if failed is None:
            raise
        raise failed from None


def write_error(error: BaseException, target: Path) -> DataError | None:
    """What to tell of a failed write, if the machine and not the program is to blame.

    Writers in other languages report an operating system's error as text, with its number in it.
    """
    text = str(error)
    number = error.errno if isinstance(error, OSError) else None
    if number in _FULL or any(f"os error {full}" in text for full in _FULL):
        return DataError(str(target), "a full disk", "room for it; what was there is untouched")
    if isinstance(error, OSError):
        reason = (error.strerror or text).lower()
        return DataError(str(target), reason, "a location that can be written; nothing was changed")
    return None
