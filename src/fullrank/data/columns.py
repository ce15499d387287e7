"""Which columns of a table mean what, and the checks that every table goes through."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
from pydantic import field_validator, model_validator

from fullrank.data.location import SourceLocation, first_true
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


def present(available: Sequence[str], columns: Columns, location: SourceLocation) -> dict[str, str]:
    """Finds the columns to read: what each is for and how the table calls it.

    Raises:
        DataError: a column that is needed or was named is not there.
    """
    names = {"user_id": columns.user, "item_id": columns.item}
    for role in ("weight", "timestamp"):
        named = getattr(columns, role)
        if named or role in available:
            names[role] = named or role
    for role, name in names.items():
        if name not in available:
            raise _missing(role, name, available, location)
    if columns.threshold is not None and "weight" not in names:
        raise DataError(
            location.name,
            "a threshold but no column of weights",
            "a column 'weight' (or name yours: --weight-column rating)",
        )
    return names


def _missing(role: str, name: str, available: Sequence[str], location: SourceLocation) -> DataError:
    if not available:
        return DataError(location.name, "no columns", f"a column {name!r}")
    found = "the columns " + ", ".join(available)
    close = nearest(name, available)
    if close.startswith("'"):
        return DataError(location.name, found, f"a column {name!r} (did you mean {close}?)")
    option = f"--{role.removesuffix('_id')}-column {available[0]!r}"
    return DataError(location.name, found, f"a column {name!r} (or name yours: {option})")


def clean(
    table: pl.DataFrame, columns: Columns, location: SourceLocation
) -> tuple[pl.DataFrame, SourceLocation]:
    """Renames, checks and types the columns: ``user_id``, ``item_id``[, ``weight``, ``timestamp``].

    Returns the table with the location of the rows that are left in it.

    Raises:
        DataError: a column is missing, an id is missing or of a type that cannot be one, a weight
            is negative, null or not a number, a time cannot be read, or no row is left.
    """
    names = present(table.columns, columns, location)
    table = table.select(pl.col(name).alias(role) for role, name in names.items())
    if table.is_empty():
        raise DataError(location.name, "no rows", "at least one interaction")
    table = table.with_columns(
        checked_ids(table[role], location, names[role]) for role in ("user_id", "item_id")
    )
    if "weight" in names:
        table = table.with_columns(_weights(table["weight"], location, names["weight"]))
    if "timestamp" in names:
        table = table.with_columns(_times(table["timestamp"], location, names["timestamp"]))
    if columns.threshold is None:
        return table, location
    return _above(table, columns.threshold, location, names["weight"])


def checked_ids(raw: pl.Series, location: SourceLocation, column: str) -> pl.Series:
    """The ids of a column, categories as strings, once it is sure that each is there.

    Raises:
        DataError: an id is null or empty, or the type is neither a string nor an integer.
    """
    if raw.dtype == pl.Categorical or isinstance(raw.dtype, pl.Enum):
        raw = raw.cast(pl.String)
    if raw.dtype != pl.String and not raw.dtype.is_integer():
        where = f"{location.name}, column {column}"
        raise DataError(where, f"ids of type {raw.dtype}", "strings or integers")
    absent = raw.is_null()
    if raw.dtype == pl.String:
        absent = absent | (raw.str.len_bytes() == 0).fill_null(True)
    if absent.any():
        raise DataError(
            location.at(first_true(absent), column), "a missing id", "an id in every row"
        )
    return raw


def _above(
    table: pl.DataFrame, threshold: float, location: SourceLocation, name: str
) -> tuple[pl.DataFrame, SourceLocation]:
    enough = (table["weight"] >= threshold) & (table["weight"] > 0)
    if not enough.any():
        highest = float(table["weight"].to_numpy().max())
        raise DataError(
            f"{location.name}, column {name}",
            f"no value of at least {threshold:g}",
            f"a threshold of at most {highest:g}",
        )
    return table.filter(enough).drop("weight"), location.keep(enough.arg_true().to_numpy())


def _weights(raw: pl.Series, location: SourceLocation, name: str) -> pl.Series:
    weight = raw.cast(pl.Float64, strict=False)
    bad = (weight.is_null() | ~weight.is_finite() | (weight < 0)).fill_null(True)
    if bad.any():
        at = first_true(bad)
        raise DataError(location.at(at, name), _shown(raw[at]), "a number of zero or more")
    if not weight.max():
        where = f"{location.name}, column {name}"
        raise DataError(where, "zeros alone", "a row with a weight above zero")
    return weight


def _times(raw: pl.Series, location: SourceLocation, name: str) -> pl.Series:
    """Times as int64 (microseconds since 1970 for dates) or float64."""
    parsed = _from_text(raw) if raw.dtype == pl.String else raw
    if parsed.dtype == pl.Date or isinstance(parsed.dtype, pl.Datetime):
        parsed = parsed.cast(pl.Datetime("us")).to_physical()
    target = pl.Int64 if parsed.dtype.is_integer() else pl.Float64
    if not parsed.dtype.is_numeric():
        parsed = pl.Series(parsed.name, [None] * len(parsed), dtype=target)
    parsed = parsed.cast(target, strict=False)
    bad = (parsed.is_null() | ~parsed.is_finite()).fill_null(True)
    if bad.any():
        at = first_true(bad)
        raise DataError(location.at(at, name), _shown(raw[at]), "a number or an ISO 8601 date")
    return parsed


def _from_text(raw: pl.Series) -> pl.Series:
    """Reads a column of text as whole numbers if all are, else as numbers or dates, as it begins.

    Whole numbers are not read as floats: nanoseconds would lose their last digits.
    """
    whole = raw.cast(pl.Int64, strict=False)
    if not whole.null_count():
        return whole
    number = raw.cast(pl.Float64, strict=False)
    return _dates(raw) if number[0] is None else number


def _dates(raw: pl.Series) -> pl.Series:
    try:
        return raw.str.to_datetime(time_unit="us", strict=False)
    except pl.exceptions.ComputeError:
        return pl.Series(raw.name, [None] * len(raw), dtype=pl.Datetime("us"))


def _shown(value: object) -> str:
    return "nothing" if value is None else repr(value)
