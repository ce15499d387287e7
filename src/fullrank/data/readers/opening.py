"""A table that is opened, wherever it lies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from fullrank.data.columns import Columns, Format
from fullrank.data.files import expanded
from fullrank.data.probe import check_survivable
from fullrank.data.readers.columnar import columnar
from fullrank.data.readers.delimited import MOVIELENS, delimited, movielens
from fullrank.data.readers.formats import format_of
from fullrank.data.readers.ndjson import ndjson
from fullrank.data.readers.source import Source
from fullrank.data.sources.address import kind_of, refuse_unknown, shown
from fullrank.data.sources.databases import kind_of_file, queried
from fullrank.data.sources.files import files_in, is_pattern, joined, one_format
from fullrank.data.sources.remote import remote
from fullrank.data.sources.spooled import standard_input
from fullrank.errors import DataError, SettingError

_SEPARATORS: dict[Format, str] = {"csv": ",", "tsv": "\t", "recbole": "\t"}
SPLIT = ("train.parquet", "split.json")
"""A folder that holds one of them is a split, and no table."""


@contextmanager
def opened(
    data: str | Path,
    columns: Columns,
    named: Format | None = None,
    *,
    share: tuple[int, int] = (0, 1),
) -> Iterator[Source]:
    """Opens a table for as long as it is read.

    Args:
        data: A path, a pattern, a URL, ``duckdb:PATH``, ``sqlite:PATH``, or ``-``.
        columns: How it is read.
        named: The format, whatever the name says.
        share: ``(rank, of)``: of a folder or pattern, every ``of``-th file from number ``rank``.

    Raises:
        DataError: there is no such table, or it cannot be read.
        SettingError: a query or a table is asked of what is no database.
    """
    kind = kind_of(str(data))
    if kind == "path":
        with _of_path(expanded(data), columns, named, share) as source:
            yield source
        return
    if kind == "unknown":
        refuse_unknown(str(data))
    if kind not in ("stdin", "remote"):
        with queried(str(data), columns, kind) as source:
            yield source
        return
    _refuse_query(str(data), columns)
    if kind == "remote":
        yield remote(str(data), columns, named)
        return
    with standard_input(named or columns.format) as (path, format_):
        format_ = format_of(path, format_, columns)
        if format_ == "adjacency":
            raise DataError(str(path), "lists of items", "a file of them, or a table")
        yield open_file(path, format_, columns)


@contextmanager
def _of_path(
    path: Path, columns: Columns, named: Format | None, share: tuple[int, int]
) -> Iterator[Source]:
    found = kind_of_file(path) if path.is_file() else None
    if found is not None and named is None and columns.format is None:
        with queried(str(path), columns, found) as source:
            yield source
        return
    _refuse_query(str(path), columns)
    if path.is_dir() or is_pattern(path):
        yield _many(path, columns, named, share)
        return
    yield open_file(path, format_of(path, named, columns), columns)


def _refuse_query(name: str, columns: Columns) -> None:
    if columns.query is not None or columns.table is not None:
        what = "query" if columns.query is not None else "table"
        raise SettingError(f"option --{what}", f"it with {shown(name)}", "a database as DATA")


def _many(path: Path, columns: Columns, named: Format | None, share: tuple[int, int]) -> Source:
    if path.is_dir() and any((path / each).exists() for each in SPLIT):
        expected = "a table: `load`, and commands that divide data, take the split that it is"
        raise DataError(str(path), "a folder that `fullrank data split` wrote", expected)
    paths = files_in(path)
    kind = one_format(path, {file: format_of(file, named, columns) for file in paths})
    paths = paths[share[0] :: share[1]]
    if kind == "parquet":
        check_survivable(paths, "Parquet", _wanted(columns))
    elif kind == "arrow":
        check_survivable(paths, "Arrow IPC", _wanted(columns))
    return joined(path, paths, lambda file: open_file(file, kind, columns, probed=True))


def _wanted(columns: Columns) -> Sequence[str]:
    """The columns that may be read."""
    weight, timestamp = columns.weight or "weight", columns.timestamp or "timestamp"
    names = (columns.user, columns.item, weight, timestamp, columns.event)
    return [name for name in names if name]


def open_file(
    path: Path, kind: Format, columns: Columns | None = None, *, probed: bool = False
) -> Source:
    """Opens a file of any format but adjacency lists."""
    if kind == "parquet":
        return columnar(path, "Parquet", b"PAR1", pl.scan_parquet, probed=probed)
    if kind == "arrow":
        return columnar(path, "Arrow IPC", b"ARROW1", pl.scan_ipc, probed=probed)
    if kind == "ndjson":
        return ndjson(path)
    columns = columns or Columns()
    if kind == "movielens" and columns.separator is None:
        return movielens(path, names=columns.names)
    return delimited(
        path,
        columns.separator or _SEPARATORS.get(kind, "\t"),
        quoted=columns.quotes and kind in ("csv", "tsv"),
        typed=kind == "recbole",
        names=columns.names or (MOVIELENS if kind == "movielens" else None),
    )
