"""Standard input and objects of a store as files of this machine, while they are read."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fullrank.data.columns import Format
from fullrank.data.write_errors import as_data_errors
from fullrank.errors import DataError

STDIN = "standard input"


@contextmanager
def standard_input(kind: Format | None) -> Iterator[tuple[Path, Format]]:
    """What stands on standard input as a file, and its format: CSV unless one is named.

    It lies on disk while it is read, for a reader goes through a file more than once. Messages that
    name the file name standard input.

    Raises:
        DataError: nothing is there, or the disk is full.
    """
    stream = getattr(sys.stdin, "buffer", None)
    if stream is None or sys.stdin.isatty():
        raise DataError(
            STDIN, "nothing that is piped into it", "a table, as in `psql … | fullrank`"
        )
    with tempfile.TemporaryDirectory(prefix="fullrank-") as folder:
        path = Path(folder) / "table"
        with as_data_errors(path), path.open("wb") as file:
            shutil.copyfileobj(stream, file, 1 << 20)
        with called(path, STDIN):
            yield path, kind or "csv"


@contextmanager
def called(path: Path, name: str) -> Iterator[None]:
    """Raises errors that name a file as those of what lies in it for the time being."""
    try:
        yield
    except DataError as error:
        parts = (
            each.replace(str(path), name) for each in (error.where, error.found, error.expected)
        )
        raise DataError(*parts) from None
