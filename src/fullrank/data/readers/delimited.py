"""Delimited text files: the columns that are needed, and the line that does not parse."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from fullrank.data.location import SourceLocation
from fullrank.data.readers.quotes import plainly_quoted
from fullrank.data.readers.records import first_fields, records
from fullrank.data.readers.source import Source
from fullrank.data.readers.text import MARK, Text, plain_source
from fullrank.errors import DataError

UNIT = "\x1f"
"""Takes the place of a separator of several characters, such as ``::``."""
HEADER_WORDS = ["user", "user_id", "userid", "uid", "item", "item_id", "itemid", "iid"]
MOVIELENS = ("user_id", "item_id", "rating", "timestamp")


@dataclass(frozen=True)
class _Table:
    """A delimited file whose first line has been read."""

    text: Text
    separator: str
    quoted: bool
    header: bool
    width: int
    first: int
    """The number of the first line that is not blank."""

    def load(self, columns: dict[str, int]) -> tuple[pl.DataFrame, SourceLocation]:
        """Reads the columns at some positions, all as strings, and where each row stands."""
        if self.quoted and not plainly_quoted(self.text, self.separator):
            return self._row_by_row(columns)
        text = self.text
        if self.first == 1:
            frame, blank = self._parsed(text.source, columns)
            if not blank.any():
                first = 2 if self.header else 1
                return frame, SourceLocation(str(text.path), "line", first=first)
        lines = list(text.lines())
        written = [number for number, line in enumerate(lines) if line.strip(b" \r\n")]
        frame, _ = self._parsed(b"".join(lines[number] for number in written), columns)
        kept = np.array(written[1:] if self.header else written, dtype=np.int64)
        return frame, SourceLocation(str(text.path), "line", first=1, kept=kept)

    def _parsed(
        self, source: Path | bytes, columns: dict[str, int]
    ) -> tuple[pl.DataFrame, pl.Series]:
        """The columns, and which rows have nothing in any column but the first, as blank lines."""
        # Asking about every column makes the parser look at every field of every line: when it
        # reads a selection only, it passes over lines with too many.
        try:
            with plain_source(source) as plain:
                lazy = pl.scan_csv(
                    plain,
                    separator=self.separator,
                    has_header=self.header,
                    quote_char='"' if self.quoted else None,
                    infer_schema=False,
                    glob=False,
                )
                names = lazy.collect_schema().names()
                blank = pl.all_horizontal(pl.col(names[1:] or names).is_null()).alias("")
                chosen = [pl.col(names[at]).alias(name) for name, at in columns.items()]
                frame = lazy.select(*chosen, blank).collect(engine="streaming")
        except (pl.exceptions.PolarsError, OSError) as error:  # OSError: it begins as zlib packs do
            raise self._fault(error) from None
        return frame, frame.drop_in_place("")

    def _row_by_row(self, columns: dict[str, int]) -> tuple[pl.DataFrame, SourceLocation]:
        values: dict[str, list[str | None]] = {name: [] for name in columns}
        lines = []
        rows = records(self.text, self.separator, quoted=True)
        for number, (line, fields) in enumerate(rows):
            self._check_width(line, fields)
            if not number and self.header:
                continue
            lines.append(line)
            for name, at in columns.items():
                values[name].append(fields[at] if at < len(fields) else None)
        frame = pl.DataFrame(values, schema=dict.fromkeys(columns, pl.String))
        kept = np.array(lines, dtype=np.int64) - 1
        return frame, SourceLocation(str(self.text.path), "line", first=1, kept=kept)

    def _check_width(self, line: int, fields: Sequence[str]) -> None:
        if len(fields) > self.width:
            named = "header" if self.header else "first line"
            where = f"{self.text.path}, line {line}"
            raise DataError(where, f"{len(fields)} fields", f"{self.width}, as in the {named}")

    def _fault(self, error: Exception) -> DataError:
        """Goes through a file that would not parse, for the first line that is to blame."""
        try:
            for line, fields in records(self.text, self.separator, quoted=self.quoted):
                self._check_width(line, fields)
        except DataError as blamed:
            return blamed
        reason = str(error).partition("\n")[0]
        found = f"text that does not parse ({reason})"
        return DataError(str(self.text.path), found, "one row a line")


def delimited(
    path: Path,
    separator: str,
    *,
    quoted: bool = True,
    typed: bool = False,
    names: Sequence[str] | None = None,
) -> Source:
    """A delimited file.

    Args:
        path: The file, plain or packed.
        separator: What stands between the fields; several characters need ``quoted=False``.
        quoted: Whether fields may stand in double quotes.
        typed: Names in the header end in a colon and a type, which is no part of the name.
        names: What to call the columns of a file without a header.

    Raises:
        DataError: the file is empty, no text in UTF-8, or no whole packed file; a header is there
            and should not be, or its columns are not as many as ``names``.
    """
    text = Text.of(path)
    written = text.first_written()
    if written is None:
        header = "" if names else "a header line and "
        raise DataError(str(path), "an empty file", f"{header}one interaction a line")
    first, line = written
    if len(separator) > 1:
        text, line = _with_unit(text, separator), line.replace(separator, UNIT)
        separator, quoted = UNIT, False
    quoted = quoted and text.quotes
    if text.returns and not quoted:
        text.refuse_returns()
    fields = first_fields(text, first, line, separator, quoted=quoted)
    table = _Table(text, separator, quoted, names is None, len(fields), first)
    if names is None:
        columns = [(name.partition(":")[0] if typed else name).strip() for name in fields]
    else:
        columns = list(names)
        _check_names(path, first, fields, columns)

    def load(wanted: Iterable[str]) -> tuple[pl.DataFrame, SourceLocation]:
        return table.load({name: columns.index(name) for name in wanted})

    return Source(SourceLocation(str(path), "line", first=first + (names is None)), columns, load)


def movielens(path: Path, *, names: Sequence[str] | None = None) -> Source:
    """A MovieLens table, ``u.data`` or ``ratings.dat``: no header, tabs or ``::`` between fields.

    Raises:
        DataError: the first line is not ``user item rating`` or ``user item rating timestamp``.
    """
    written = Text.of(path).first_written()
    line = "" if written is None else written[1]
    separator = "::" if "::" in line else "\t"
    width = line.count(separator) + 1
    if written is not None and names is None and width not in (3, 4):
        where = f"{path}, line {written[0]}"
        expected = "user, item, rating and time, with tabs or :: between them"
        raise DataError(where, repr(line[:40]), expected)
    return delimited(path, separator, quoted=False, names=names or MOVIELENS[: max(width, 3)])


def _check_names(path: Path, first: int, fields: list[str], names: list[str]) -> None:
    where = f"{path}, line {first}"
    if len(fields) != len(names):
        raise DataError(where, f"{len(fields)} fields", f"{len(names)}: {','.join(names)}")
    if any(field.strip().partition(":")[0].lower() in HEADER_WORDS for field in fields):
        raise DataError(where, f"a header {','.join(fields)!r}", "no header, as was said")


def _with_unit(text: Text, separator: str) -> Text:
    data = text.source if isinstance(text.source, bytes) else text.source.read_bytes()
    if UNIT.encode() in data:
        found = f"the control character {UNIT!r}"
        raise DataError(str(text.path), found, f"text with {separator!r} between its fields")
    return replace(text, source=data.removeprefix(MARK).replace(separator.encode(), UNIT.encode()))
