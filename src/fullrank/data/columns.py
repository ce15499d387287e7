"""Which columns of a table mean what, and the checks that every table goes through."""

from __future__ import annotations

import polars as pl
from pydantic import field_validator, model_validator

from fullrank.errors import DataError
from fullrank.settings import Settings, nearest


class Columns(Settings):
    """Names of the columns to read."""

    user: str = "user_id"
    """Column of the user ids."""
    item: str = "item_id"
    """Column of the item ids."""
    weight: str | None = None
    """Column of weights or ratings; a column called ``weight`` is used without being named."""
    timestamp: str | None = None
    """Column of times; a column called ``timestamp`` is used without being named."""
    threshold: float | None = None
    """Ratings to implicit feedback: rows whose weight is below this are dropped, and so is the
    weight of those that stay."""

    @field_validator("user", "item")
    @classmethod
    def _named(cls, value: str) -> str:
        if not value:
            raise ValueError("the name of a column")
        return value

    @model_validator(mode="after")
    def _distinct(self) -> Columns:
        named = [name for name in (self.user, self.item, self.weight, self.timestamp) if name]
        if len(set(named)) < len(named):
            raise ValueError("a column of its own for each of user, item, weight, timestamp")
        return self


def clean(table: pl.DataFrame, columns: Columns, place: str) -> pl.DataFrame:
    """Renames, checks and types the columns: ``user_id``, ``item_id``[, ``weight``, ``timestamp``].

    Row numbers in messages count from 1.

    Raises:
        DataError: a column is missing, a weight is negative, null or not a number, a time cannot
            be read, or no row is left.
    """
    names = _present(table, columns, place)
    table = table.select(pl.col(name).alias(role) for role, name in names.items())
    if table.is_empty():
        raise DataError(place, "no rows", "at least one interaction")
    if "weight" in names:
        table = _weights(table, names["weight"], place)
    if "timestamp" in names:
        table = _times(table, names["timestamp"], place)
    if columns.threshold is not None:
        _needs_weight(names, place)
        kept = table.filter(pl.col("weight") >= columns.threshold).drop("weight")
        if kept.is_empty():
            highest = table["weight"].max()
            raise DataError(
                f"{place}, column {names['weight']}",
                f"no value of at least {columns.threshold:g}",
                f"a threshold of at most {highest!r}",
            )
        return kept
    return table


def _present(table: pl.DataFrame, columns: Columns, place: str) -> dict[str, str]:
    names = {"user_id": columns.user, "item_id": columns.item}
    for role in ("weight", "timestamp"):
        named = getattr(columns, role)
        if named or role in table.columns:
            names[role] = named or role
    for role, name in names.items():
        if name not in table.columns:
            found = "the columns " + ", ".join(table.columns)
            option = role.removesuffix("_id")
            hint = f"a column {name!r} (or name yours: --{option}-column {table.columns[0]!r})"
            if nearest(name, table.columns).startswith("'"):
                hint = f"a column {name!r} (did you mean {nearest(name, table.columns)}?)"
            raise DataError(place, found, hint)
    return names


def _needs_weight(names: dict[str, str], place: str) -> None:
    if "weight" not in names:
        raise DataError(place, "a threshold but no column of weights", "a column 'weight'")


def _weights(table: pl.DataFrame, name: str, place: str) -> pl.DataFrame:
    weight = table["weight"].cast(pl.Float64, strict=False)
    bad = (weight.is_null() | ~weight.is_finite() | (weight < 0)).fill_null(True)
    if bad.any():
        at = int(bad.arg_max() or 0)
        found = table["weight"][at]
        raise DataError(
            f"{place}, row {at + 1}, column {name}", repr(found), "a number of zero or more"
        )
    return table.with_columns(weight=weight)


def _times(table: pl.DataFrame, name: str, place: str) -> pl.DataFrame:
    raw = table["timestamp"]
    if raw.dtype == pl.String:
        numbers = raw.cast(pl.Float64, strict=False)
        parsed = numbers if not numbers.null_count() else _parsed_times(raw)
    else:
        parsed = raw
    if parsed.dtype in (pl.Date, pl.Datetime):
        parsed = parsed.cast(pl.Datetime("us")).to_physical()
    if not parsed.dtype.is_numeric() or parsed.null_count() or not parsed.is_finite().all():
        bad = parsed.is_null() if parsed.null_count() else pl.Series([True])
        at = int(bad.arg_max() or 0)
        raise DataError(
            f"{place}, row {at + 1}, column {name}",
            repr(raw[at]),
            "a number or an ISO 8601 date",
        )
    return table.with_columns(timestamp=parsed)


def _parsed_times(raw: pl.Series) -> pl.Series:
    try:
        return raw.str.to_datetime(time_unit="us", strict=False)
    except pl.exceptions.ComputeError:
        return pl.Series(raw.name, [None] * len(raw), dtype=pl.Datetime("us"))
