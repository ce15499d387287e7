"""Many files as one table: a folder, a pattern, hive partitions; one file is read at a time."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fullrank.data.columns import Format
from fullrank.data.location import SourceLocation
from fullrank.data.readers.formats import is_readable
from fullrank.data.readers.source import Piece, Source
from fullrank.errors import DataError

NULL = "__HIVE_DEFAULT_PARTITION__"
"""What Hive and Spark call the partition of the rows without a value."""
OPTIONAL = ("weight", "timestamp")
"""Columns that are read without being named: no file may have one that the first has not."""
Open = Callable[[Path], Source]


def is_pattern(path: Path) -> bool:
    """Whether a path names files by a pattern; one that exists as it is written does not."""
    return glob.has_magic(str(path)) and not path.exists()


def files_in(path: Path) -> list[Path]:
    """The files of a folder, those of its folders too, or of a pattern, in order of their names.

    Names that begin with ``_`` or ``.`` are no data, as those of ``_SUCCESS``. A file that links
    give several names in a partition is read once: a link to a folder above makes forty of each.

    Raises:
        DataError: there is none, a folder cannot be listed, or a name is a link to nothing.
    """
    if path.is_dir():
        found = [each for each in _walked(path) if is_readable(each.name)]
    else:
        held = [Path(each) for each in glob.glob(str(path), recursive=True)]  # noqa: PTH207  # not of one folder
        named = next(n for n, part in enumerate(path.parts) if glob.has_magic(part))
        found = [each for each in held if _plain(each.parts[named:])]
    for each in found:
        if each.is_symlink() and not os.path.exists(os.path.realpath(each)):  # noqa: PTH110  # of many links
            raise DataError(str(each), "a link to nothing", "a file")
    found = _distinct(each for each in sorted(found) if each.is_file())
    if not found:
        what = (
            "a folder without a file of data in it" if path.is_dir() else "no file of that pattern"
        )
        raise DataError(str(path), what, "one or more")
    return found


def _walked(folder: Path) -> Iterator[Path]:
    """Every file in a folder and in its folders; links to folders are not followed."""

    def fail(error: OSError) -> None:
        reason = (error.strerror or str(error)).lower()
        raise DataError(str(error.filename), reason, "a folder that can be read") from None

    for at, folders, names in os.walk(folder, onerror=fail):
        folders[:] = [name for name in folders if _plain([name])]
        yield from (Path(at) / name for name in names if _plain([name]))


def _distinct(paths: Iterable[Path]) -> list[Path]:
    """The first name of each file in each partition."""
    known: dict[tuple[str, str], Path] = {}
    for path in paths:
        known.setdefault((os.path.realpath(path), str(partition_of(path))), path)
    return list(known.values())


def _plain(parts: Sequence[str]) -> bool:
    return not any(part.startswith(("_", ".")) for part in parts)


def partition_of(path: Path) -> dict[str, str | None]:
    """The keys and values of hive partitions in the names of a file's folders, as text."""
    pairs = [part.split("=", 1) for part in path.parent.parts if "=" in part[1:]]
    return {unquote(name): None if value == NULL else unquote(value) for name, value in pairs}


def one_format(path: Path, formats: dict[Path, Format]) -> Format:
    """The format of all files.

    Raises:
        DataError: there are several, or it is the one of lists.
    """
    (first, kind), *others = formats.items()
    for file, other in others:
        if other != kind:
            expected = f"{kind}, as {first} is (a pattern names some: {path / '*'}{first.suffix})"
            raise DataError(str(file), f"a file of the format {other}", expected)
    if kind == "adjacency":
        raise DataError(str(path), "lists of items in several files", "one file, or tables")
    return kind


def joined(path: Path, paths: Sequence[Path], open_one: Open) -> Source:
    """Files of one format as a table, the keys of hive partitions among its columns.

    The columns are those of the first file. Files are read one after another, and of each only the
    columns that are needed stay, so memory is that of the result.

    Args:
        path: What they are called together.
        paths: The files.
        open_one: Opens one of them.

    Raises:
        DataError: a file cannot be read, lacks a column or has it with another type.
    """
    first = open_one(paths[0])
    keys = partition_of(paths[0])
    columns = [*first.columns, *(key for key in keys if key not in first.columns)]

    def opened() -> Iterator[tuple[Source, Path]]:
        for number, file in enumerate(paths):
            yield open_one(file) if number else first, file

    def load(names: Iterable[str]) -> tuple[pl.DataFrame, SourceLocation]:
        wanted = list(names)
        frames: list[pl.DataFrame] = []
        places: list[SourceLocation] = []
        for source, file in opened():
            frame, place = _part(source, file, paths[0], columns, wanted)
            if frames:
                _check_types(frame, frames[0], file, paths[0])
            frames.append(frame)
            places.append(place)
        whole = pl.concat(frames, rechunk=False)
        return whole, PartsLocation.of(str(path), places, [len(each) for each in frames])

    def stream(names: Iterable[str], rows: int) -> Iterator[Piece]:
        wanted = list(names)
        like: pl.DataFrame | None = None
        for source, file in opened():
            read, finish = _reading(source, file, paths[0], columns, wanted)
            for piece, place in source.pieces(read, rows):
                frame = finish(piece)
                like = frame.clear() if like is None else like
                _check_types(frame, like, file, paths[0])
                yield frame, place

    return Source(SourceLocation(str(path)), columns, load, stream)


def _part(source: Source, file: Path, first: Path, columns: list[str], wanted: list[str]) -> Piece:
    """The columns of one file, with those of its partition."""
    names, finish = _reading(source, file, first, columns, wanted)
    frame, place = source.load(names)
    return finish(frame), place


def _reading(
    source: Source, file: Path, first: Path, columns: list[str], wanted: list[str]
) -> tuple[list[str], Callable[[pl.DataFrame], pl.DataFrame]]:
    """The columns to read of one file, and what adds those of its partition."""
    keys = partition_of(file)
    here = [*source.columns, *keys]
    for name in wanted:
        if name not in here:
            found = "the columns " + ", ".join(here)
            raise DataError(str(file), found, f"a column {name!r}, as in {first}")
    for name in OPTIONAL:
        if name in here and name not in columns:
            raise DataError(str(file), f"a column {name!r}", f"none, as in {first}")
    own = [name for name in wanted if name in source.columns]
    of_folder = [name for name in wanted if name not in source.columns]
    if not own and of_folder:
        raise DataError(str(file), "no column of its own that is needed", "a column of ids")
    values = [pl.lit(keys[name], dtype=pl.String).alias(name) for name in of_folder]
    return own, lambda frame: frame.with_columns(values).select(wanted)


def _check_types(frame: pl.DataFrame, expected: pl.DataFrame, file: Path, first: Path) -> None:
    for name, dtype in frame.schema.items():
        if dtype != expected.schema[name]:
            found = f"values of type {dtype}"
            raise DataError(
                f"{file}, column {name}", found, f"{expected.schema[name]}, as in {first}"
            )


@dataclass(frozen=True)
class PartsLocation(SourceLocation):
    """Where the rows of several files stand that follow one another."""

    parts: tuple[SourceLocation, ...] = ()
    starts: tuple[int, ...] = ()

    @classmethod
    def of(cls, name: str, parts: Sequence[SourceLocation], rows: Sequence[int]) -> Self:
        """Of files and the number of rows that each has."""
        starts = tuple(accumulate(rows, initial=0))[:-1]
        return cls(name, parts=tuple(parts), starts=starts)

    def at(self, position: int, column: str | None = None) -> str:
        """Names the file and the row in it."""
        if self.kept is not None:
            position = int(self.kept[position])
        starts: NDArray[Any] = np.array(self.starts)
        number = int(np.searchsorted(starts, position, side="right")) - 1
        return self.parts[number].at(position - self.starts[number], column)
