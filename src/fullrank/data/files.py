"""Writing files so that a reader sees the old one or the new one, never a part of either."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fullrank.data.locks import exclusive, part_folder
from fullrank.data.write_errors import as_data_errors, write_error
from fullrank.errors import DataError

__all__ = [
    "as_data_errors",
    "cache_folder",
    "expanded",
    "output",
    "replacing",
    "synced",
    "write_error",
]

WAIT = 60.0
"""Seconds to wait for another process that writes the same file."""


def cache_folder() -> Path:
    """Where downloads are kept: ``FULLRANK_CACHE``, or the user's cache folder.

    Raises:
        DataError: the user has no home folder.
    """
    named = os.environ.get("FULLRANK_CACHE")
    if named:
        return expanded(named)
    import pooch  # type: ignore[import-untyped]  # slow, and most runs need no download

    folder = Path(pooch.os_cache("fullrank"))
    if not folder.is_absolute():  # a ~ that nothing stands for
        raise DataError("the cache folder", "no home folder", "FULLRANK_CACHE = a folder")
    return folder


def expanded(path: str | Path) -> Path:
    """The path, with the home folder for a leading ``~``.

    Raises:
        DataError: there is no such home folder.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise DataError(str(path), "no home folder for ~", "a path without ~") from None


def output(path: str | Path) -> Path:
    """A path that something can be written to, as far as its names say; before long work.

    Raises:
        DataError: a name is too long, or what should be a folder is a file.
    """
    path = expanded(path)
    with as_data_errors(path):
        path.exists()  # raises where a name is too long
    for above in path.parents:
        if above.exists():
            if not above.is_dir():
                raise DataError(str(path), f"the file {above}", "a folder, or a name that is free")
            break
    return path


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yields a path to write to; it takes the place of ``target`` once it is whole and on disk.

    The file has the permissions that the umask gives, whatever the writer gave it.

    Raises:
        DataError: the disk is full, the folder cannot be written, or another process is writing
            the file for longer than `WAIT`; ``target`` is as it was.
    """
    with as_data_errors(target), exclusive(target, "writing a file", wait=WAIT):
        target.parent.mkdir(parents=True, exist_ok=True)
        with part_folder(target) as folder:
            part = folder / "part"
            part.touch()
            mode = stat.S_IMODE(part.stat().st_mode)
            yield part
            if stat.S_IMODE(part.stat().st_mode) != mode:
                part.chmod(mode)
            with part.open("rb+") as file:
                os.fsync(file.fileno())
            part.replace(target)
            synced(target.parent)


def synced(folder: Path) -> None:
    """Brings the new name to disk; where a system cannot, as Windows, the file alone is safe."""
    if os.name == "nt":
        return
    with suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
