"""Adjacency lists: one user a line, followed by the items they took."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from fullrank.data.columns import Columns
from fullrank.data.ids import Ids
from fullrank.data.interactions import Interactions
from fullrank.data.location import SourceLocation, first_true
from fullrank.data.readers.delimited import not_utf8
from fullrank.errors import DataError

HEADER_WORDS = ["user", "user_id", "userid", "uid", "item", "item_id", "itemid", "iid"]


def read_adjacency(
    path: Path, *, columns: Columns, users: Ids | None = None, items: Ids | None = None
) -> Interactions:
    """Reads lines ``user item item ...``, fields apart by blanks, no header; ids are strings.

    A user may stand on several lines, or on one without items, and is a row all the same.

    Raises:
        DataError: the file is empty, no text in UTF-8, has a header or commas, or no interaction;
            or ``columns`` asks for weights, times or a threshold.
    """
    if columns.weight or columns.timestamp or columns.threshold is not None:
        raise DataError(
            str(path), "an adjacency list, which has no weights or times", "a format that has"
        )
    location = SourceLocation(str(path), "line")
    lines = _lines(path)
    tokens = lines.str.extract_all(r"\S+")
    written = tokens.list.len() > 0
    _check(lines, written, location)
    location, tokens = location.keep(written.arg_true().to_numpy()), tokens.filter(written)
    owners = tokens.list.first()
    counts = tokens.list.len().to_numpy().astype(np.int64) - 1
    if not counts.sum():
        raise DataError(location.name, "users but no items", "lines of a user and their items")
    frame = pl.DataFrame(
        {
            "user_id": owners.gather(np.repeat(np.arange(len(owners)), counts)),
            "item_id": tokens.list.slice(1).explode().drop_nulls(),
        }
    )
    return Interactions.from_frame(
        frame,
        users=users or Ids.of(owners),
        items=items,
        location=location.keep(np.repeat(np.arange(len(counts), dtype=np.int32), counts)),
    )


def _lines(path: Path) -> pl.Series:
    try:
        frame = pl.read_csv(
            path, has_header=False, separator="\n", quote_char=None, schema={"line": pl.String}
        )
    except pl.exceptions.PolarsError as error:
        reason = str(error).partition("\n")[0]
        damaged = DataError(str(path), f"text that does not parse ({reason})", "lines of ids")
        raise not_utf8(path) or damaged from None
    return frame["line"].fill_null("")


def _check(lines: pl.Series, written: pl.Series, location: SourceLocation) -> None:
    if not written.any():
        found = "blank lines only" if len(lines) else "an empty file"
        raise DataError(location.name, found, "lines of a user and their items")
    commas = lines.str.contains(r"[,;]")
    start = first_true(written)
    words = lines[start].lower().replace(",", " ").replace(";", " ").split()
    if any(word.partition(":")[0] in HEADER_WORDS for word in words):
        found = f"a header {lines[start]!r}"
        remedy = "a user and their items, or format='csv' or 'tsv' for a table"
        raise DataError(location.at(start), found, remedy)
    if commas.any():
        at = first_true(commas)
        remedy = "ids apart by blanks, or format='csv' for a table"
        raise DataError(location.at(at), repr(lines[at][:40]), remedy)
