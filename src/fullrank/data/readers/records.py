"""Rows of a delimited file one by one: slower than the fast parser, and strict about quotes."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Literal

from fullrank.data.readers.text import Text
from fullrank.errors import DataError

REMEDY = "quotes around whole fields, or --no-quotes (quotes=False) where they are plain characters"


def records(text: Text, separator: str, *, quoted: bool) -> Iterator[tuple[int, list[str]]]:
    """Yields the line on which each row begins, and its fields; passes over blank lines.

    Raises:
        DataError: a line is no text in UTF-8, a quote is not closed or closed inside a field, or
            two quotes on distant lines swallow the rows between them.
    """
    taken: list[str] = []

    def lines() -> Iterator[str]:
        for line in text.decoded():
            taken.append(line)
            yield line

    reader = csv.reader(lines(), delimiter=separator, quoting=_quoting(quoted), strict=quoted)
    width, start = 0, 1
    while True:
        taken.clear()
        try:
            fields = next(reader, None)
        except csv.Error as error:
            raise _misquoted(text, start, start + len(taken) - 1, str(error)) from None
        if fields is None:
            return
        if len(taken) > 1 and width:
            _refuse_swallowed(text, taken, separator, width, start)
        if fields and not (len(fields) == 1 and not fields[0].strip()):
            width = width or len(fields)
            yield start, fields
        start += len(taken)


def first_fields(text: Text, number: int, line: str, separator: str, *, quoted: bool) -> list[str]:
    """The fields of the first line.

    Raises:
        DataError: it has a carriage return inside, or a field that is too long.
    """
    reader = csv.reader([line], delimiter=separator, quoting=_quoting(quoted))
    try:
        return next(reader, [])
    except csv.Error as error:
        raise _misquoted(text, number, number, str(error)) from None


def _quoting(quoted: bool) -> Literal[0, 3]:
    return csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE


def _misquoted(text: Text, first: int, last: int, reason: str) -> DataError:
    where = f"{text.path}, line {first}"
    if "new-line" in reason:
        return DataError(where, "a carriage return inside the line", "line ends of one kind")
    if "limit" in reason:
        reason = f"a field of more than {csv.field_size_limit():,} characters"
        return DataError(where, f"{reason}, or a quote that is not closed", REMEDY)
    if last > first:
        return DataError(where, f"a quote that is not closed before line {last}", REMEDY)
    return DataError(where, "a quote that is not closed, or closed inside a field", REMEDY)


def _refuse_swallowed(text: Text, lines: list[str], separator: str, width: int, start: int) -> None:
    """Refuses a row over several lines that would all be rows if its two quotes were not there.

    Two stray quotes look so; an id or a review with line ends in it does not.
    """
    if sum(line.count('"') for line in lines) != 2:
        return
    if all(line.count(separator) + 1 == width for line in lines if line.strip()):
        last = start + len(lines) - 1
        found = f"a quoted field up to line {last}, of lines that look like rows"
        raise DataError(f"{text.path}, line {start}", found, REMEDY)
