"""Parquet and Arrow IPC files, whose columns have types."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import polars as pl

from fullrank.data.location import SourceLocation
from fullrank.data.panics import unprinted_panics
from fullrank.data.plain_names import plain_name
from fullrank.data.probe import Kind, check_survivable
from fullrank.data.readers.source import Piece, Source
from fullrank.errors import DataError


def columnar(
    path: Path,
    kind: Kind,
    magic: bytes,
    scan: Callable[..., pl.LazyFrame],
    *,
    probed: bool = False,
) -> Source:
    """A Parquet or Arrow file, which knows the types of its columns.

    ``probed`` says that `check_survivable` has seen it already.
    """
    _framed(path, kind, magic)
    if not probed:
        check_survivable(path, kind)
    location = SourceLocation(str(path))

    def load(names: Iterable[str]) -> tuple[pl.DataFrame, SourceLocation]:
        with _whole(path, kind) as name:
            return scan(name, glob=False).select(list(names)).collect(), location

    def stream(names: Iterable[str], rows: int) -> Iterator[Piece]:
        wanted = list(names)
        with _whole(path, kind) as name:
            length = int(scan(name, glob=False).select(pl.len()).collect().item())
        for start in range(0, length, rows):
            with _whole(path, kind) as name:
                piece = scan(name, glob=False).select(wanted).slice(start, rows).collect()
            yield piece, replace(location, first=start + 1)

    with _whole(path, kind) as name:
        return Source(location, scan(name, glob=False).collect_schema().names(), load, stream)


@contextmanager
def _whole(path: Path, kind: str) -> Iterator[Path]:
    try:
        with unprinted_panics(), plain_name(path) as name:
            yield name
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise DataError(str(path), f"a damaged {kind} file ({reason})", "a whole one") from None


def _framed(path: Path, kind: str, magic: bytes) -> None:
    """Sees that a file begins and ends as its format asks, before a parser is asked to read it."""
    with path.open("rb") as file:
        first = file.read(len(magic))
        size = file.seek(0, 2)
        file.seek(max(size - len(magic), 0))
        last = file.read()
    if not size:
        raise DataError(str(path), "an empty file", f"a {kind} file")
    if first != magic:
        raise DataError(str(path), f"no {kind} file (it begins with {first!r})", repr(magic))
    if last != magic:
        found = f"a truncated {kind} file (it ends with {last!r})"
        raise DataError(str(path), found, f"a whole one, which ends with {magic!r}")
