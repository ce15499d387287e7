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
from fullrank.data.readers.columnar import columnar
from fullrank.data.readers.delimited import MOVIELENS, delimited, movielens
from fullrank.data.readers.formats import format_of
from fullrank.data.readers.source import Source
from fullrank.errors import DataError

_SEPARATORS: dict[Format, str] = {"csv": ",", "tsv": "\t", "recbole": "\t"}


def open_table(path: Path, kind: Format, columns: Columns | None = None) -> Source:
    """Opens a table of any format but adjacency lists."""
    if kind == "parquet":
        return columnar(path, "Parquet", b"PAR1", pl.scan_parquet)
    if kind == "arrow":
        return columnar(path, "Arrow IPC", b"ARROW1", pl.scan_ipc)
    columns = columns or Columns()
    if kind == "movielens" and columns.separator is None:
        return movielens(path, names=columns.names)
    recbole = kind == "recbole"
    return delimited(
        path,
        columns.separator or _SEPARATORS.get(kind, "\t"),
        quoted=columns.quotes and kind in ("csv", "tsv"),
        typed=recbole,
        names=columns.names or (MOVIELENS if kind == "movielens" else None),
    )


def read(
    path: str | Path,
    *,
    columns: Columns | None = None,
    users: Ids | None = None,
    items: Ids | None = None,
    format: Format | None = None,  # noqa: A002 - the word that readers use
) -> Interactions:
    """Reads a file with one interaction a row, or an adjacency list with one user a line.

    Ids in text files are strings, ``"007"`` too; Parquet and Arrow files keep their type. Only the
    columns that are needed stay in memory.

    Args:
        path: The file. Its suffix tells the format, unless ``format`` does: CSV, TSV, Parquet,
            Arrow IPC, RecBole ``.inter`` (columns go by the part of their name before the colon),
            MovieLens ``u.data`` and ``ratings.dat`` (no header; columns ``user_id``, ``item_id``,
            ``rating``, ``timestamp``) and adjacency lists ``.txt`` (``user item item ...``).
            Formats of text may be packed (``.gz``). ``rating`` is a weight only if ``columns``
            says so.
        columns: Which columns to use, the threshold on ratings if one is wanted, and how the text
            is written: separator, header, quotes, dates.
        users: The user ids to number rows by; those of the file when not given.
        items: The item ids to number rows by; those of the file when not given.
        format: The format, whatever the suffix says.

    Raises:
        DataError: the file is not there, not of its format or damaged, or its content is not what
            `Interactions.from_frame` takes; the message names the line or row.
    """
    path = expanded(path)
    columns = columns or Columns()
    kind = format_of(path, format, columns)
    if kind == "adjacency":
        certain = (format or columns.format) is not None
        return read_adjacency(path, columns=columns, users=users, items=items, certain=certain)
    source = open_table(path, kind, columns)
    names = present(source.columns, columns, source.location)
    frame, location = source.load(names.values())
    return Interactions.from_frame(
        frame, columns=columns, users=users, items=items, location=location
    )


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
    source = open_table(path, kind, columns)
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
