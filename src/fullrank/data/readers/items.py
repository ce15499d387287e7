"""Tables of items: ids, titles and any further column."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from fullrank.data.attributes import BETWEEN, LISTS, plain_attributes
from fullrank.data.columns import Columns, Format
from fullrank.data.files import expanded
from fullrank.data.frames import whole_table
from fullrank.data.location import SourceLocation
from fullrank.data.readers.formats import TYPED, format_of
from fullrank.data.readers.opening import open_file
from fullrank.data.readers.text import Text
from fullrank.data.sources.address import kind_of, shown
from fullrank.errors import DataError

_SEQUENCE = ":token_seq"


def read_items(
    source: str | Path | Any,
    *,
    id_column: str | None = None,
    format: Format | None = None,  # noqa: A002
    columns: Columns | None = None,
) -> pl.DataFrame:
    """Reads what is known of items: ``id``, ``title`` and every other column of a table.

    A column is text, numbers, true or false, or lists of text; see `fullrank.data.attributes`. In
    a file of text, columns of numbers and of ``true`` and ``false`` are found by their values, and
    ``categories``, ``genres`` or ``tags`` (or one of them) are lists with ``|`` between the parts.

    Args:
        source: A file of any format that `read` knows but adjacency lists, or a frame.
        id_column: Column of the ids; if absent ``id``, ``item_id`` or one that ends in ``id``.
        format: The format, whatever the suffix says.
        columns: How a file of text is written.

    Raises:
        DataError: the file cannot be read, there is no column of ids or an id is missing, or a
            column is of a type that is none of these.
    """
    if not isinstance(source, str | Path):
        where = SourceLocation("items")
        return plain_attributes(whole_table(source, where), where, id_column=id_column)
    if kind_of(str(source)) != "path":
        raise DataError(shown(str(source)), "no path", "a file of items")
    path = expanded(source)
    kind = format_of(path, format, columns)
    if kind == "adjacency":
        raise DataError(str(path), "an adjacency list", "a table of items")
    table = open_file(path, kind, columns)
    frame, location = table.load(table.columns)
    lists: tuple[str, ...] = LISTS
    if kind == "recbole":
        frame, own = _sequences(path, frame)
        lists += own
    return plain_attributes(
        frame, location, id_column=id_column, from_text=kind not in (*TYPED, "ndjson"), lists=lists
    )


def _sequences(path: Path, frame: pl.DataFrame) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """RecBole's columns of several words, with what lists have between their parts; titles stay."""
    written = Text.of(path).first_written()
    fields = (written[1] if written else "").split("\t")
    names = [field.removesuffix(_SEQUENCE) for field in fields if field.endswith(_SEQUENCE)]
    own = [name for name in names if "title" not in name.lower() and "name" not in name.lower()]
    return frame.with_columns(pl.col(own).str.replace_all(" +", BETWEEN)), tuple(own)
