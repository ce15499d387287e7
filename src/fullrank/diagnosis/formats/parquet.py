"""Parquet: columns of lists of numbers, each a table; or columns of numbers, together one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from fullrank.data.panics import unprinted_panics
from fullrank.data.plain_names import plain_name
from fullrank.data.probe import check_survivable
from fullrank.diagnosis.tables import Table, numeric
from fullrank.errors import DataError


def parquet(path: Path) -> list[Table]:
    """The lists of numbers, each a table by the name of its column, or one of all number columns.

    Whole numbers beside floats are ids, counts or histories; alone they may be a quantised table.
    """
    check_survivable(path, "Parquet")
    try:
        with unprinted_panics(), plain_name(path) as plain:
            frame = pl.read_parquet(plain, glob=False)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError):
        raise DataError(str(path), "a damaged file", "a Parquet file") from None
    plain_columns = _numeric(dict(frame.schema))
    inside = {name: _inside(kind) for name, kind in frame.schema.items()}
    lists = {name: kind for name, kind in inside.items() if kind is not None}
    if len(plain_columns) > 1 and frame.schema[plain_columns[0]].is_float():
        lists = {name: kind for name, kind in lists.items() if kind.is_float()}
    if named := _numeric(lists):
        tables = {name: numeric(path, _unlisted(path, frame[name])) for name in named}
        return [Table.of(each, name * (len(named) > 1)) for name, each in tables.items()]
    if plain_columns:
        return [Table.of(numeric(path, frame.select(plain_columns).to_numpy()))]
    found = "the columns " + ", ".join(frame.columns)
    raise DataError(str(path), found, "columns of numbers, or of lists of them")


def _inside(kind: pl.DataType) -> pl.DataType | None:
    """What the lists of a column hold; None of a column of something else."""
    if not isinstance(kind, pl.List | pl.Array):
        return None
    inner = kind.inner
    return inner if isinstance(inner, pl.DataType) else inner()


def _numeric(kinds: Mapping[str, pl.DataType]) -> list[str]:
    """The floats among some columns, or the whole numbers where there is none."""
    floats = [name for name, kind in kinds.items() if kind.is_float()]
    return floats or [name for name, kind in kinds.items() if kind.is_integer()]


def _unlisted(path: Path, column: pl.Series) -> Any:
    """(rows, width): the numbers of a column of lists."""
    if isinstance(column.dtype, pl.Array):
        column = column.arr.to_list()
    widths = column.list.len().fill_null(0).to_numpy()
    if len(set(widths.tolist())) > 1:
        found = f"lists of {widths.min()} to {widths.max()} numbers in column {column.name}"
        raise DataError(str(path), found, "lists of one length")
    if not widths.any():
        found = f"no numbers in column {column.name}"
        raise DataError(str(path), found, "a list of numbers in every row")
    values = column.explode()
    if not values.dtype.is_numeric():
        return values.to_numpy()
    return values.cast(pl.Float64).to_numpy().reshape(len(column), -1)
