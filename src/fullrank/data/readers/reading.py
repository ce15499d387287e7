"""Files of interactions and of titles, read with every complaint on one line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from fullrank.data.columns import Columns, Format, checked_ids, plain_column, present
from fullrank.data.files import expanded
from fullrank.data.ids import Ids
from fullrank.data.interactions import Interactions
from fullrank.data.readers.adjacency import read_adjacency
from fullrank.data.readers.formats import format_of
from fullrank.data.readers.opening import open_file, opened
from fullrank.data.readers.source import Source
from fullrank.data.sources.address import kind_of
from fullrank.data.sources.databases import kind_of_file
from fullrank.errors import DataError


def read(
    path: str | Path,
    *,
    columns: Columns | None = None,
    users: Ids | None = None,
    items: Ids | None = None,
    format: Format | None = None,  # noqa: A002 - the word that readers use
) -> Interactions:
    """Reads a table with one interaction a row, or an adjacency list with one user a line.

    Ids in text files are strings, ``"007"`` too; Parquet and Arrow files keep their type. Only the
    columns that are needed stay in memory.

    Args:
        path: The file, a folder or pattern of files, a database or URL of one, an object of a
            store, or ``-`` for standard input (docs/sources.md). The suffix of a file tells the
            format, unless ``format`` does: CSV, TSV, NDJSON, Parquet, Arrow IPC, RecBole ``.inter``
            (columns go by the part of their name before the colon), MovieLens ``u.data`` and
            ``ratings.dat`` (no header; columns ``user_id``, ``item_id``, ``rating``,
            ``timestamp``) and adjacency lists ``.txt`` (``user item item ...``). Formats of text
            may be packed (``.gz``, ``.bz2``, ``.xz``, ``.zst``, ``.zip``). ``rating`` is a weight
            only if ``columns`` says so.
        columns: Which columns to use, the threshold on ratings if one is wanted, and how the text
            is written: separator, header, quotes, dates.
        users: The user ids to number rows by; those of the file when not given.
        items: The item ids to number rows by; those of the file when not given.
        format: The format, whatever the suffix says.

    Raises:
        DataError: the file is not there, not of its format or damaged, or its content is not what
            `Interactions.from_frame` takes; the message names the line or row.
    """
    columns = columns or Columns()
    file = _list_file(path, columns, format)
    if file is not None:
        certain = (format or columns.format) is not None
        return read_adjacency(file, columns=columns, users=users, items=items, certain=certain)
    with opened(path, columns, format) as source:
        names = present(source.columns, columns, source.location)
        frame, location = source.load(names.values())
        return Interactions.from_frame(
            frame, columns=columns, users=users, items=items, location=location
        )


def _list_file(data: str | Path, columns: Columns, named: Format | None) -> Path | None:
    """The path of an adjacency list, which is no table; None for anything else."""
    if kind_of(str(data)) != "path" or not (path := expanded(data)).is_file():
        return None
    if kind_of_file(path) is not None or format_of(path, named, columns) != "adjacency":
        return None
    return path


def read_titles(
    path: str | Path,
    *,
    id_column: str | None = None,
    title_column: str | None = None,
    format: Format | None = None,  # noqa: A002
    separator: str | None = None,
    names: Sequence[str] | None = None,
    quotes: bool = True,
) -> pl.DataFrame:
    """Reads the columns ``id`` and ``title`` that `Ids.with_titles` takes, say of a RecBole file.

    Args:
        path: The file, of any format that `read` knows but adjacency lists.
        id_column: Column of the ids; the first one whose name ends in ``id`` when not given.
        title_column: Column of the titles; the first with ``title`` or ``name`` in its name.
        format: The format, whatever the suffix says.
        separator: What stands between the fields of a text file, as in `Columns`: ``|``, ``::``.
        names: Names of the columns of a text file without a header, as
            ``("item_id", "title", "_")``.
        quotes: Whether double quotes around a field of a text file are not part of it.

    Raises:
        DataError: the file cannot be read, a column is missing, or an id is, or titles are of a
            type that has no text.
        SettingError: ``separator`` cannot be one.
    """
    path = expanded(path)
    columns = Columns(
        separator=separator,
        header=names is None,
        names=None if names is None else tuple(names),
        quotes=quotes,
    )
    kind = format_of(path, format, columns)
    if kind == "adjacency":
        raise DataError(str(path), "an adjacency list", "a table of ids and titles")
    source = open_file(path, kind, columns)
    identity = id_column or _first(source, ("id",), whole_end=True)
    title = title_column or _first(source, ("title", "name"))
    for name in (identity, title):
        if name not in source.columns:
            found = "the columns " + ", ".join(source.columns)
            raise DataError(str(path), found, f"a column {name!r}")
    frame, location = source.load([identity, title])
    ids = checked_ids(frame[identity], location, identity)
    return pl.DataFrame(
        {"id": ids, "title": plain_column(frame[title], location, title).cast(pl.String)}
    )


def _first(source: Source, words: tuple[str, ...], *, whole_end: bool = False) -> str:
    for name in source.columns:
        lower = name.lower()
        if lower.endswith(words) if whole_end else any(word in lower for word in words):
            return name
    found = "the columns " + ", ".join(source.columns)
    wanted = " or ".join(repr(word) for word in words)
    raise DataError(source.location.name, found, f"a column with {wanted} in its name")
