"""Batches of a database's rows as frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import polars as pl

from fullrank.errors import DataError


def of_arrow(reader: Iterable[Any], names: list[str]) -> Iterator[pl.DataFrame]:
    """The named columns of Arrow's record batches.

    Raises:
        DataError: a column is of a type that polars does not have.
    """
    for batch in reader:
        columns = [_plain(batch.column(batch.schema.get_field_index(name)), name) for name in names]
        yield pl.DataFrame(dict(zip(names, columns, strict=True)))


def _plain(array: Any, name: str) -> pl.Series:
    """A column; of an extension's type, such as an UUID, what it is stored as."""
    if hasattr(array, "storage"):
        array = array.storage
    try:
        series = pl.Series(pl.from_arrow(array))
    except (TypeError, ValueError, pl.exceptions.PolarsError):  # as of intervals
        found = f"values of type {array.type}"
        raise DataError(f"column {name}", found, "numbers, text or times") from None
    return series.cast(pl.Float64) if series.dtype.is_decimal() else series


def of_tuples(rows: Sequence[Sequence[Any]], columns: Mapping[str, int]) -> pl.DataFrame:
    """Some positions of rows as columns.

    Raises:
        DataError: values of a column are of several types, as SQLite allows.
    """
    return pl.DataFrame([_series(name, [row[at] for row in rows]) for name, at in columns.items()])


def _series(name: str, values: list[Any]) -> pl.Series:
    if any(isinstance(value, Decimal) for value in values):
        values = [float(value) if isinstance(value, Decimal) else value for value in values]
    kinds = {type(value).__name__ for value in values if value is not None}
    if kinds == {"int", "float"}:
        values = [None if value is None else float(value) for value in values]
    elif len(kinds) > 1:
        found = "values of the types " + " and ".join(sorted(kinds))
        raise DataError(f"column {name}", found, "one type (a cast in the query makes one)")
    try:
        return pl.Series(name, values)
    except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError) as error:
        reason = str(error).partition("\n")[0]
        raise DataError(f"column {name}", reason, "numbers, text or times") from None
