"""Adjacency lists: one user a line, followed by the items they took."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from fullrank.data.columns import Columns
from fullrank.data.ids import Ids
from fullrank.data.interactions import Interactions
from fullrank.data.location import SourceLocation, first_true
from fullrank.data.readers.delimited import HEADER_WORDS
from fullrank.data.readers.text import MARK, Text, plain_source
from fullrank.errors import DataError

READ_AS_TABLE = (
    "lists of items (--format adjacency reads them), or an option that reads a table: "
    "--format movielens for user, item, rating, time; "
    "--separator '\\t' --no-header --columns user_id,item_id,_,timestamp; --format csv or tsv"
)


def read_adjacency(
    path: Path,
    *,
    columns: Columns,
    users: Ids | None = None,
    items: Ids | None = None,
    certain: bool = False,
) -> Interactions:
    """Reads lines ``user item item ...``, fields apart by blanks, no header; ids are strings.

    A user may stand on several lines, or on one without items, and is a row all the same. Lines
    that look like those of a table are refused unless ``certain`` says that they are lists.

    Raises:
        DataError: the file is empty, no text in UTF-8, has a header or commas, looks like
            a table, or has no interaction; or ``columns`` asks for weights, times or a threshold.
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
    if not certain:
        _refuse_table(lines, tokens, written, location)
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
    text = Text.of(path)
    try:
        with plain_source(text.source) as source:
            frame = pl.read_csv(
                source,
                has_header=False,
                separator="\n",
                quote_char=None,
                schema={"line": pl.String},
                glob=False,
            )
    except pl.exceptions.NoDataError:
        return pl.Series([], dtype=pl.String)
    except (pl.exceptions.PolarsError, OSError) as error:  # OSError: it begins as zlib packs do
        for _ in text.decoded():  # raises at the line that is no text in UTF-8
            pass
        reason = str(error).partition("\n")[0]
        found = f"text that does not parse ({reason})"
        raise DataError(str(path), found, "lines of ids") from None
    return frame["line"].fill_null("").str.strip_chars_start(MARK.decode())


def _refuse_table(
    lines: pl.Series, tokens: pl.Series, written: pl.Series, location: SourceLocation
) -> None:
    """Refuses what looks like ``user item rating time``: read as a list, times become items.

    Each line has the same three to five fields, and tabs lie between them, or a user stands on
    several lines, or the last field is long as a time is.
    """
    start = first_true(written)
    found = f"what looks like a row of a table, {lines[start][:40]!r}"
    refused = DataError(location.at(start), found, READ_AS_TABLE)
    if lines[start].count("::") > 1:
        raise refused
    rows = tokens.filter(written)
    width = len(rows[0])
    if not 3 <= width <= 5 or not (rows.list.len() == width).all():
        return
    tabs = lines.filter(written).str.count_matches(r"\t") == width - 1
    long = rows.list.last().str.contains(r"^(\d{9,}(\.\d+)?|\d{4}-\d\d-\d\d.*)$")
    if tabs.all() or long.all() or rows.list.first().n_unique() < len(rows):
        raise refused


def _check(lines: pl.Series, written: pl.Series, location: SourceLocation) -> None:
    if not written.any():
        found = "blank lines only" if len(lines) else "an empty file"
        raise DataError(location.name, found, "lines of a user and their items")
    commas = lines.str.contains(r"[,;]")
    start = first_true(written)
    words = lines[start].lower().replace(",", " ").replace(";", " ").split()
    if any(word.partition(":")[0] in HEADER_WORDS for word in words):
        found = f"a header {lines[start]!r}"
        remedy = "a user and their items, or --format csv or tsv (format=) for a table"
        raise DataError(location.at(start), found, remedy)
    if commas.any():
        at = first_true(commas)
        remedy = "ids apart by blanks, or --format csv (format='csv') for a table"
        raise DataError(location.at(at), repr(lines[at][:40]), remedy)
