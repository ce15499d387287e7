"""Newline-delimited JSON: one object a line, whose keys are the columns."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

import numpy as np
import polars as pl

from fullrank.data.json_text import json_of
from fullrank.data.location import SourceLocation
from fullrank.data.plain_names import plain_name
from fullrank.data.readers.source import Source
from fullrank.data.readers.text import Text
from fullrank.errors import DataError

EXPECTED = "one JSON object a line"


def ndjson(path: Path) -> Source:
    """A file of JSON objects; the types of its columns are those of all their values.

    Raises:
        DataError: the file is empty, no text in UTF-8, or no whole packed file, or a line is no
            object.
    """
    text = Text.of(path)
    if text.first_written() is None:
        raise DataError(str(path), "an empty file", EXPECTED)

    def load(names: Iterable[str]) -> tuple[pl.DataFrame, SourceLocation]:
        wanted = list(names)
        frame = _scanned(text, wanted)
        return frame, _location(text, len(frame))

    return Source(SourceLocation(str(path), "line"), _scanned(text, None).columns, load)


def _scanned(text: Text, names: list[str] | None) -> pl.DataFrame:
    """Some columns; without names, all of them and no row."""
    source = text.source
    if isinstance(source, Path) and set(str(source)) & set("*?["):
        source = source.read_bytes()  # polars would take the name for a pattern
    try:
        if isinstance(source, bytes):
            return _selected(pl.scan_ndjson(BytesIO(source), infer_schema_length=None), names)
        with plain_name(source) as plain:
            return _selected(pl.scan_ndjson(plain, infer_schema_length=None), names)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _fault(text, error) from None


def _selected(lazy: pl.LazyFrame, names: list[str] | None) -> pl.DataFrame:
    if names is None:
        return pl.DataFrame(schema=lazy.collect_schema())
    return lazy.select(names).collect(engine="streaming")


def _fault(text: Text, error: Exception) -> DataError:
    """Goes through a file that would not parse, for the first line that is to blame."""
    for number, line in enumerate(text.decoded(), start=1):
        where = f"{text.path}, line {number}"
        try:
            if line.strip() and not isinstance(json_of(line), dict):
                return DataError(where, repr(line.strip()[:40]), EXPECTED)
        except ValueError as reason:
            return DataError(where, f"no JSON ({reason})", EXPECTED)
    found = str(error).partition("\n")[0]
    return DataError(str(text.path), f"text that does not parse ({found})", EXPECTED)


def _location(text: Text, rows: int) -> SourceLocation:
    written = [number for number, line in enumerate(text.lines()) if line.strip()]
    plain = len(written) == rows and (not rows or written[-1] == rows - 1)
    kept = None if plain or len(written) != rows else np.array(written, dtype=np.int64)
    return SourceLocation(str(text.path), "line", first=1, kept=kept)
