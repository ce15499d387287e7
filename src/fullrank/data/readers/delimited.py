"""Delimited text files: the columns that are needed, and the line that does not parse."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import polars as pl

from fullrank.data.location import SourceLocation
from fullrank.data.readers.source import Source
from fullrank.errors import DataError


def delimited(path: Path, separator: str, *, quoted: bool = True, typed: bool = False) -> Source:
    """A delimited file; ``typed`` names end in a colon and a type, which is no part of the name."""
    location = SourceLocation(str(path), "line", first=2)
    header = text_columns(path, separator, quoted=quoted)
    columns = [name.partition(":")[0] for name in header] if typed else header
    written = dict(zip(reversed(columns), reversed(header), strict=True))

    def load(names: Iterable[str]) -> tuple[pl.DataFrame, SourceLocation]:
        wanted = {name: written[name] for name in names}
        try:
            return scan_text(path, separator, wanted, location, quoted=quoted)
        except pl.exceptions.PolarsError as error:
            raise text_error(path, separator, error, quoted=quoted) from None
        except OSError as error:
            raise DataError(str(path), f"a damaged file ({error})", "a whole one") from None

    return Source(location, columns, load)


def text_columns(path: Path, separator: str, *, quoted: bool) -> list[str]:
    """The names in the header line.

    Raises:
        DataError: the file is empty, no text in UTF-8, or no whole gzip file.
    """
    with opened(path) as file:
        line = file.readline()
        while line and not line.strip():
            line = file.readline()
    if not line:
        raise DataError(str(path), "an empty file", "a header line and one interaction a line")
    try:
        header = line.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise _undecodable(path, 1, line, error.start) from None
    if quoted:
        return next(csv.reader([header], delimiter=separator))
    return header.split(separator)


def scan_text(
    path: Path, separator: str, wanted: dict[str, str], location: SourceLocation, *, quoted: bool
) -> tuple[pl.DataFrame, SourceLocation]:
    """Reads some columns as strings; blank lines are passed over, but counted in the location.

    Args:
        path: The file, plain or gzip.
        separator: What stands between the fields.
        wanted: The columns to keep: what to call each, and what the header calls it.
        location: That of the first line below the header.
        quoted: Whether fields may stand in double quotes.
    """
    lazy = pl.scan_csv(
        path,
        separator=separator,
        quote_char='"' if quoted else None,
        infer_schema=False,
    )
    # Asking about every column makes the parser look at every field of every line: when it reads
    # a selection only, it passes over lines with too many.
    blank = pl.all_horizontal(pl.all().is_null()).alias("")
    columns = [pl.col(name).alias(role) for role, name in wanted.items()]
    frame = lazy.select(*columns, blank).collect(engine="streaming")
    empty = frame.drop_in_place("")
    if not empty.any():
        return frame, location
    kept = (~empty).arg_true().to_numpy()
    return frame.filter(~empty), location.keep(kept)


def text_error(path: Path, separator: str, error: Exception, *, quoted: bool) -> DataError:
    """Goes through a file that would not parse, for the first line that is to blame."""
    undecodable = not_utf8(path)
    if undecodable:
        return undecodable
    width = len(text_columns(path, separator, quoted=quoted))
    for number, fields in _field_counts(path, separator, quoted=quoted):
        if fields > width:
            return DataError(
                f"{path}, line {number}", f"{fields} fields", f"{width}, as in the header"
            )
    reason = str(error).partition("\n")[0]
    return DataError(str(path), f"text that does not parse ({reason})", "one row a line")


def not_utf8(path: Path) -> DataError | None:
    """The error that names the first line that is no text in UTF-8, if there is one."""
    with opened(path) as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                return _undecodable(path, number, line, error.start)
    return None


def _field_counts(path: Path, separator: str, *, quoted: bool) -> Iterator[tuple[int, int]]:
    """Yields line number and number of fields of each row; of a row over several lines the last."""
    with opened(path) as file:
        lines = (line.decode("utf-8-sig") for line in file)
        reader = csv.reader(
            lines, delimiter=separator, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
        )
        for fields in reader:
            yield reader.line_num, len(fields)


def _undecodable(path: Path, number: int, line: bytes, at: int) -> DataError:
    found = f"the byte 0x{line[at]:02x} at position {at + 1} of the line"
    return DataError(f"{path}, line {number}", found, "text in UTF-8")


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """The bytes of a file, unpacked if it is a gzip file.

    Raises:
        DataError: the gzip file is damaged.
    """
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        if not packed:
            yield raw
            return
        try:
            with gzip.open(raw) as file:
                yield file  # type: ignore[misc]
        except (EOFError, gzip.BadGzipFile) as error:
            raise DataError(str(path), f"a damaged gzip file ({error})", "a whole one") from None
