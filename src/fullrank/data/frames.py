"""Frames of other libraries as polars tables: the columns that are needed, one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any

import narwhals.stable.v1 as nw
import polars as pl

from fullrank.data.columns import Columns, present
from fullrank.data.location import SourceLocation
from fullrank.errors import DataError


def table_of(frame: Any, columns: Columns, location: SourceLocation) -> pl.DataFrame:
    """The columns of a polars, pandas or pyarrow table that are needed, under their own names.

    Raises:
        DataError: this is no such table, a column is missing or there twice, or its values are of
            several types or of none that polars knows.
    """
    available, column = _opened(frame, location)
    names = dict.fromkeys(present(available, columns, location).values())
    return pl.DataFrame([column(available.index(name)).rename(name) for name in names])


def whole_table(frame: Any, location: SourceLocation) -> pl.DataFrame:
    """All columns of such a table.

    Raises:
        DataError: as of `table_of`.
    """
    names, column = _opened(frame, location)
    if len(set(names)) < len(names):
        twice = next(name for name in names if list(names).count(name) > 1)
        raise DataError(location.name, f"two columns {twice!r}", "one of each name")
    return pl.DataFrame([column(at).rename(name) for at, name in enumerate(names)])


def _opened(
    frame: Any, location: SourceLocation
) -> tuple[Sequence[str], Callable[[int], pl.Series]]:
    """The names of the columns, and what gives the one at a position."""
    if isinstance(frame, pl.DataFrame):
        return frame.columns, frame.to_series

    def converted(native: Any, name: str) -> pl.Series:
        return _polars(nw.from_native(native, series_only=True), name, location)

    # By position, since a column that is not needed may share its name with another.
    if nw.dependencies.is_pandas_dataframe(frame):
        names = [str(name) for name in frame.columns]
        return names, lambda at: converted(frame.iloc[:, at], names[at])
    if nw.dependencies.is_pyarrow_table(frame):
        names = list(frame.column_names)
        return names, lambda at: converted(frame.column(at), names[at])
    try:
        table = nw.from_native(frame, eager_only=True)
    except TypeError:
        found = f"a {type(frame).__name__}"
        raise DataError(location.name, found, "a polars, pandas or pyarrow table") from None
    return table.columns, lambda at: _polars(table[table.columns[at]], table.columns[at], location)


def _polars(series: nw.Series[Any], name: str, location: SourceLocation) -> pl.Series:
    """A column of any library; where pyarrow is missing or gives up, by its Python values."""
    try:
        return series.to_polars()
    except (ImportError, TypeError, ValueError, OverflowError, pl.exceptions.PolarsError):
        pass
    if series.dtype.is_numeric() and not series.is_null().any():
        return pl.Series(name, series.to_numpy())
    missing = series.is_null().to_list()
    values = [None if gone else v for v, gone in zip(series.to_list(), missing, strict=True)]
    _refuse_mixture(values, name, location)
    try:
        return pl.Series(name, values)
    except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError):
        where = f"{location.name}, column {name}"
        kind = next(type(value).__name__ for value in values if value is not None)
        raise DataError(where, f"values of type {kind}", "strings or numbers") from None


def _refuse_mixture(values: list[Any], name: str, location: SourceLocation) -> None:
    """Raises `DataError` at the first value of another kind than those above it."""
    first = None
    for at, value in enumerate(values):
        if value is None:
            continue
        kind = _kind(value)
        first = first or kind
        if kind != first:
            found = f"{value!r} below values of the kind {first}"
            raise DataError(location.at(at, name), found, f"one kind: {first}, or {kind}")


def _kind(value: Any) -> str:
    if isinstance(value, Integral | Real):
        return "number"
    return "string" if isinstance(value, str) else type(value).__name__
