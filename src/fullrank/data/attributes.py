"""What is known of items beside their ids: columns of four kinds, whatever table they come from.

Text, numbers, true or false, and lists of text. Times become text in ISO 8601, whose order is
theirs; categories become text; numbers that are not finite have no value.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import polars as pl

from fullrank.data.columns import checked_ids, plain_column
from fullrank.data.ids import Ids
from fullrank.data.interactions import Interactions
from fullrank.data.location import SourceLocation
from fullrank.errors import DataError

TITLE = "title"
LISTS = ("categories", "category", "genres", "genre", "tags")
"""Columns whose text is a list, as ``drama|crime``."""
BETWEEN = "|"
_WORDS = {"true": True, "false": False}
_LIST = pl.List(pl.String)
KINDS: dict[str, Any] = {"text": pl.String, "number": pl.Float64, "flag": pl.Boolean, "list": _LIST}
"""The types that a column of attributes has, by what they are called in a model folder."""


class Described(NamedTuple):
    """Ids with attributes, and how a table of them fits."""

    ids: Ids
    counts: dict[str, int]
    """``rows`` of the table, those of ``unknown`` and ``repeated`` ids, items ``without`` one."""
    table: pl.DataFrame


def described(items: Ids, table: pl.DataFrame) -> Described:
    """The items with the attributes of a table as `plain_attributes` makes it.

    Ids match as in `Ids.rows`. The first row of an id counts; ids that are no items are passed
    over. Columns that the items had and the table does not have stay.
    """
    rows = items.rows(table["id"])
    known = rows[rows >= 0]
    distinct = pl.Series(known).n_unique()
    counts = {
        "rows": len(table),
        "unknown": len(rows) - len(known),
        "repeated": len(known) - distinct,
        "without": len(items) - distinct,
    }
    return Described(items.with_attributes(table), counts, table)


def described_parts(parts: Mapping[str, Interactions], items: Ids) -> dict[str, Interactions]:
    """The parts of a split or a model over items that have attributes; what was given stays."""
    made = {name: copy.copy(part) for name, part in parts.items()}
    for part in made.values():
        part.items = items
    return made


def plain_attributes(
    table: pl.DataFrame,
    location: SourceLocation | str = "items",
    *,
    id_column: str | None = None,
    from_text: bool = False,
    lists: Collection[str] = LISTS,
) -> pl.DataFrame:
    """The columns ``id``, ``title`` (where there is one) and all others, each of a kind of `KINDS`.

    Args:
        table: A row an item.
        location: What to call the table in error messages.
        id_column: Column of the ids; if absent ``id``, ``item_id`` or one that ends in ``id``.
        from_text: Whether the values are the text of a file, so that a column of numbers, or of
            ``true`` and ``false``, is one.
        lists: Columns of text that hold a list, with ``|`` between its parts.

    Raises:
        DataError: there is no column of ids, one is missing, or a column is of another type.
    """
    where = SourceLocation(location) if isinstance(location, str) else location
    identity = id_column or _named(table.columns, where, "id")
    if identity not in table.columns:
        raise _no_column(table.columns, where, repr(identity))
    made = {"id": checked_ids(table[identity], where, identity)}
    title = _title(table, identity)
    if title is not None:
        made[TITLE] = plain_column(table[title], where, title).cast(pl.String)
    for name in table.columns:
        if name in (identity, title):
            continue
        if name in made:
            raise DataError(where.name, f"a column {name!r} beside {identity!r}", "one of them")
        made[name] = _column(table[name], where, from_text=from_text, is_list=name in lists)
    # In the order in which a model folder gives them back, where a kind follows each name.
    first = [name for name in ("id", TITLE) if name in made]
    others = sorted(made.keys() - set(first), key=lambda name: f"{name}:")
    return pl.DataFrame(made).select(*first, *others)


def _column(raw: pl.Series, where: SourceLocation, *, from_text: bool, is_list: bool) -> pl.Series:
    if isinstance(raw.dtype, pl.List | pl.Array):
        return _list(raw, where)
    column = plain_column(raw, where, raw.name)
    kind = column.dtype
    if kind == pl.Null:
        return column.cast(_LIST if is_list else pl.String)
    if kind == pl.String and is_list:
        return _cleared(column.str.split(BETWEEN))
    if kind == pl.String:
        return _inferred(column) if from_text else column
    if kind.is_numeric():
        number = column.cast(pl.Float64)
        return _frame(number, pl.when(pl.col(raw.name).is_finite()).then(pl.col(raw.name)))
    if kind == pl.Boolean:
        return column
    if kind == pl.Date:
        return column.dt.to_string("%Y-%m-%d")
    if isinstance(kind, pl.Datetime):
        return column.dt.to_string("%Y-%m-%dT%H:%M:%S")
    return column.cast(pl.String)


def _list(raw: pl.Series, where: SourceLocation) -> pl.Series:
    column = raw.arr.to_list() if isinstance(raw.dtype, pl.Array) else raw
    inner = column.dtype.inner  # type: ignore[attr-defined]  # of a list
    if inner.is_nested() or inner == pl.Binary or inner == pl.Object:
        expected = "lists of text or numbers"
        raise DataError(f"{where.name}, column {raw.name}", f"values of type {raw.dtype}", expected)
    return _cleared(column.cast(_LIST))


def _cleared(column: pl.Series) -> pl.Series:
    """Lists without blanks around their parts, and without empty parts."""
    part = pl.element().str.strip_chars()
    return _frame(column, pl.col(column.name).list.eval(part.filter(part.str.len_bytes() > 0)))


def _inferred(column: pl.Series) -> pl.Series:
    """A column of text as numbers, or as true and false, where every value is one."""
    there = column.drop_nulls()
    if not len(there):
        return column
    if there.str.to_lowercase().is_in(list(_WORDS)).all():
        lower = column.str.to_lowercase()
        return lower.replace_strict(_WORDS, return_dtype=pl.Boolean, default=None)
    number = column.str.strip_chars().cast(pl.Float64, strict=False)
    fits = number.is_finite().fill_null(False).sum() == len(there)
    return number if fits else column


def _frame(column: pl.Series, expression: pl.Expr) -> pl.Series:
    return column.to_frame().select(expression.alias(column.name)).to_series()


def _title(table: pl.DataFrame, identity: str) -> str | None:
    """The column of titles: ``title``, or the first of text with title or name in its name."""
    if TITLE in table.columns:
        return TITLE
    for name in table.columns:
        named = any(word in name.lower() for word in (TITLE, "name"))
        if named and name != identity and table.schema[name] == pl.String:
            return name
    return None


def _named(columns: list[str], where: SourceLocation, end: str) -> str:
    for name in (end, f"item_{end}", *columns):
        if name in columns and name.lower().endswith(end):
            return name
    raise _no_column(columns, where, f"of ids, whose name ends in {end!r}")


def _no_column(columns: list[str], where: SourceLocation, wanted: str) -> DataError:
    return DataError(where.name, "the columns " + ", ".join(columns), f"a column {wanted}")
