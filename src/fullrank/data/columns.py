"""Which columns of a table mean what, and the checks that every table goes through."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import polars as pl
from pydantic import field_validator, model_validator

from fullrank.data.column_hints import missing, weights_option
from fullrank.data.events import days_of, decayed, weighted
from fullrank.data.instants import beyond_calendar, microseconds
from fullrank.data.location import SourceLocation, first_true
from fullrank.errors import DataError
from fullrank.settings import Settings, whole_text

Format = Literal["csv", "tsv", "ndjson", "parquet", "arrow", "recbole", "movielens", "adjacency"]
WITHOUT_TEXT = (pl.Object, pl.Binary, pl.Duration)
"""Types whose values cannot be written as text; nor can those of nested types."""


class Columns(Settings):
    """Names of the columns to read, and how a text file writes them."""

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
    timestamp_format: str | None = None
    """How dates are written, such as ``%d/%m/%Y``; ISO 8601 is read without being named."""
    format: Format | None = None
    """Format of the file, whatever its suffix says."""
    separator: str | None = None
    """What stands between the fields of a text file, one character or more (``::``)."""
    header: bool = True
    """Whether the first line of a text file names the columns."""
    names: tuple[str, ...] | None = None
    """Names of the columns in their order, for a file without a header; ``_`` for one to skip."""
    quotes: bool = True
    """Whether double quotes around a field of a text file are not part of it."""
    query: str | None = None
    """What a database is asked; it gives the columns above."""
    table: str | None = None
    """Table of a database, in the place of a query; a dot stands after the name of a schema."""
    event: str | None = None
    """Column of the kinds of events, such as ``view`` and ``purchase``."""
    event_weights: dict[str, float] | None = None
    """The weight of each kind of event, ``other`` for those not named; a kind below zero is not
    learned from, and its items are never recommended to that user."""
    half_life: str | None = None
    """Age at which an interaction counts half, such as ``90d``, ``12h`` or ``2w``, before the
    newest time in the data."""

    @field_validator("names", mode="before")
    @classmethod
    def _any_sequence(cls, value: object) -> object:
        return tuple(value) if isinstance(value, list) else value

    @field_validator("separator")
    @classmethod
    def _between_fields(cls, value: str | None) -> str | None:
        value = {"\\t": "\t", "tab": "\t"}.get(value, value) if value is not None else None
        if value is not None and (not value or set(value) & set('"\r\n') or not value.isascii()):
            raise ValueError("ASCII characters between fields, such as ; or \\t or ::")
        return value

    @field_validator("user", "item")
    @classmethod
    def _named(cls, value: str) -> str:
        if not value:
            raise ValueError("the name of a column")
        return value

    @field_validator("user", "item", "weight", "timestamp", "timestamp_format", "event")
    @classmethod
    def _whole(cls, value: str | None) -> str | None:
        return None if value is None else whole_text(value)

    @field_validator("event_weights")
    @classmethod
    def _whole_kinds(cls, value: dict[str, float] | None) -> dict[str, float] | None:
        return None if value is None else {whole_text(kind): each for kind, each in value.items()}

    @model_validator(mode="after")
    def _named_or_headed(self) -> Columns:
        if self.names is not None and self.header:
            raise ValueError("names of columns (--columns) only with header=False (--no-header)")
        if not self.header and not self.names and self.format != "movielens":
            raise ValueError("without a header, names: --columns user_id,item_id,_,timestamp")
        return self

    @model_validator(mode="after")
    def _distinct(self) -> Columns:
        every = (self.user, self.item, self.weight, self.timestamp, self.event)
        named = [name for name in every if name]
        if len(set(named)) < len(named):
            raise ValueError("a column of its own for each of user, item, weight, timestamp, event")
        return self

    @model_validator(mode="after")
    def _kinds_and_ages(self) -> Columns:
        if (self.event is None) != (self.event_weights is None):
            raise ValueError("event (--event-column) and event_weights (--event-weights) together")
        if self.event_weights is not None and not any(w > 0 for w in self.event_weights.values()):
            raise ValueError("event_weights with one above zero")
        if self.event is not None and self.threshold is not None:
            raise ValueError("a threshold, or weights of events: not both")
        if self.half_life is not None:
            days_of(self.half_life)
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
    if columns.event is not None:
        names["event"] = columns.event
    for role, name in names.items():
        if name not in available:
            raise missing(role, names, available, location.name)
        if available.count(name) > 1:
            found = f"{available.count(name)} columns {name!r}"
            raise DataError(location.name, found, "one column of that name")
    if columns.threshold is not None and "weight" not in names:
        raise DataError(
            location.name,
            "a threshold but no column of weights",
            f"a column 'weight' (or name yours: {weights_option(names, available)})",
        )
    return names


def clean(
    table: pl.DataFrame, columns: Columns, location: SourceLocation
) -> tuple[pl.DataFrame, SourceLocation]:
    """Renames, checks and types the columns: ``user_id``, ``item_id``[, ``weight``, ``timestamp``].

    Returns the table with the location of the rows that are left in it. Weights below zero are of
    events that say what is not to be shown.

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
        table = table.with_columns(
            _times(table["timestamp"], location, names["timestamp"], columns.timestamp_format)
        )
    if columns.event is not None:
        table = weighted(table, columns.event_weights or {}, location, columns.event)
    if columns.threshold is not None:
        table, location = _above(table, columns.threshold, location, names["weight"])
    if columns.half_life is not None:
        table = decayed(table, days_of(columns.half_life), location)
    return table, location


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


def plain_column(raw: pl.Series, location: SourceLocation, name: str) -> pl.Series:
    """A column of numbers, text or times, categories as text.

    Raises:
        DataError: it is of another type, one that has no text, or a time is beyond the calendar.
    """
    if raw.dtype == pl.Categorical or isinstance(raw.dtype, pl.Enum):
        return raw.cast(pl.String)
    if raw.dtype.is_nested() or raw.dtype in WITHOUT_TEXT:
        where = f"{location.name}, column {name}"
        raise DataError(where, f"values of type {raw.dtype}", "numbers, text or times")
    beyond = beyond_calendar(raw)
    if beyond.any():
        at = first_true(beyond)
        found = f"{raw.dtype} {raw.to_physical()[at]}"
        raise DataError(location.at(at, name), found, "a time of the years 2 to 9998")
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
    weight = plain_column(raw, location, name).cast(pl.Float64, strict=False)
    bad = (weight.is_null() | ~weight.is_finite() | (weight < 0)).fill_null(True)
    if bad.any():
        at = first_true(bad)
        raise DataError(location.at(at, name), _shown(raw[at]), "a number of zero or more")
    if not weight.cast(pl.Float32).max():  # the type in which weights are kept
        where = f"{location.name}, column {name}"
        raise DataError(where, "zeros alone", "a row with a weight above zero")
    return weight


def _times(raw: pl.Series, location: SourceLocation, name: str, written: str | None) -> pl.Series:
    """Times as int64 (microseconds since 1970 for dates) or float64."""
    expected = "a number or an ISO 8601 date; another form needs --timestamp-format"
    raw = plain_column(raw, location, name)
    if written is not None:
        expected = f"a date like {written}"
        parsed = _dates(raw.cast(pl.String, strict=False), written)
    else:
        parsed = _from_text(raw) if raw.dtype == pl.String else raw
    if parsed.dtype == pl.Date or isinstance(parsed.dtype, pl.Datetime):
        parsed = microseconds(parsed)
    target = pl.Int64 if parsed.dtype.is_integer() else pl.Float64
    if not parsed.dtype.is_numeric():
        parsed = pl.Series(parsed.name, [None] * len(parsed), dtype=target)
    parsed = parsed.cast(target, strict=False)
    bad = (parsed.is_null() | ~parsed.is_finite()).fill_null(True)
    if bad.any():
        at = first_true(bad)
        raise DataError(location.at(at, name), _shown(raw[at]), expected)
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


def _dates(raw: pl.Series, written: str | None = None) -> pl.Series:
    """Dates in the form that was named, else those that begin with a year of four digits.

    01/12/2024 is the first of December or the twelfth of January: which, a guess may get wrong.
    """
    if written is None:
        yearly = raw.str.contains(r"^\d{4}[^\d]").fill_null(False)
        raw = pl.select(pl.when(yearly).then(raw)).to_series().rename(raw.name)
    try:
        return raw.str.to_datetime(written, time_unit="us", strict=False)
    except pl.exceptions.PolarsError:
        return pl.Series(raw.name, [None] * len(raw), dtype=pl.Datetime("us"))


def _shown(value: object) -> str:
    return "nothing" if value is None else repr(value)
