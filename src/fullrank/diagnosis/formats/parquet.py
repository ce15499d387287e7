"""Parquet: columns of numbers, or one column of lists of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from fullrank.data.panics import unprinted_panics
from fullrank.data.plain_names import plain_name
from fullrank.data.probe import check_survivable
from fullrank.diagnosis.tables import Table, numeric
from fullrank.errors import DataError


def parquet(path: Path) -> list[Table]:
    """One table."""
    check_survivable(path, "Parquet")
    try:
        with unprinted_panics(), plain_name(path) as plain:
            frame = pl.read_parquet(plain, glob=False)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError):
        raise DataError(str(path), "a damaged file", "a Parquet file") from None
    kinds = frame.schema.items()
    lists = [name for name, kind in kinds if isinstance(kind, pl.List | pl.Array)]
    # Whole numbers beside floats are ids or counts; alone they may be a quantised table.
    numbers = [name for name, kind in kinds if kind.is_float()]
    numbers = numbers or [name for name, kind in kinds if kind.is_integer()]
    if len(lists) == 1:
        return [Table.of(numeric(path, _unlisted(path, frame[lists[0]])))]
    if numbers:
        return [Table.of(numeric(path, frame.select(numbers).to_numpy()))]
    found = "the columns " + ", ".join(frame.columns)
    raise DataError(str(path), found, "columns of numbers, or one column of lists of them")


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
