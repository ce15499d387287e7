"""Ids in rules: lists of items, and items by user."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import polars as pl

from fullrank.data.columns import checked_ids
from fullrank.data.frames import whole_table
from fullrank.data.location import SourceLocation
from fullrank.errors import DataError, SettingError
from fullrank.settings import whole_text

RawId = str | int
USER, ITEM = ("user_id", "user"), ("item_id", "item")
"""Names of the columns of a frame."""


class UserItems:
    """Pairs of raw ids, of users and their items; not to be changed.

    Args:
        pairs: The columns ``user`` and ``item``, each of strings or of integers.
    """

    def __init__(self, pairs: pl.DataFrame) -> None:
        self.pairs = pairs

    @classmethod
    def of(cls, value: Any, where: str) -> UserItems:
        """From a mapping of users to lists of items, or a frame of user and item ids.

        Raises:
            SettingError: it is neither, an id is none, or there are no items, for a user or at all.
        """
        if isinstance(value, cls):
            return value
        pairs = _of_mapping(value, where) if isinstance(value, Mapping) else _of_frame(value, where)
        if not len(pairs):
            raise SettingError(where, "no items", "at least one, or no such rule")
        return cls(pairs)

    def to_dict(self) -> dict[str, list[RawId]]:
        """For JSON, whose names are strings: users and their items."""
        made: dict[str, list[RawId]] = {}
        for user, item in self.pairs.iter_rows():
            made.setdefault(str(user), []).append(item)
        return made

    def __len__(self) -> int:
        return len(self.pairs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UserItems) and self.pairs.equals(other.pairs)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"UserItems({len(self):,} pairs)"


def item_ids(value: Any, where: str) -> tuple[RawId, ...]:
    """The ids of a list, an array or a series.

    Raises:
        SettingError: it is none of these, has no ids, or an id is neither a string nor an integer.
    """
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        raise SettingError(where, shortened(value), "a list of ids of items")
    given = value.tolist() if isinstance(value, np.ndarray) else list(value)
    ids = tuple(each.item() if isinstance(each, np.generic) else each for each in given)
    if not ids:
        raise SettingError(where, "an empty list", "at least one id, or no such rule")
    for at, each in enumerate(ids, start=1):
        if isinstance(each, bool) or not isinstance(each, str | int) or each == "":
            found = f"{shortened(each)} at position {at}"
            raise SettingError(where, found, "ids: text or whole numbers")
        _check_text(each, where)
    return ids


def _check_text(each: Any, where: str) -> None:
    try:
        whole_text(str(each))
    except ValueError as error:
        raise SettingError(where, shortened(each), str(error)) from None


def shortened(value: Any) -> str:
    """A value of any size in a line."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def column(ids: Iterable[RawId]) -> pl.Series:
    """Ids as a column; text where they are not all integers."""
    own = list(ids)
    if all(isinstance(each, int) and -(2**63) <= each < 2**63 for each in own):
        return pl.Series(own, dtype=pl.Int64)
    return pl.Series([str(each) for each in own], dtype=pl.String)


def _of_mapping(value: Mapping[Any, Any], where: str) -> pl.DataFrame:
    each = {user: item_ids(own, f"{where}, user {shortened(user)}") for user, own in value.items()}
    for user in each:
        if isinstance(user, bool) or not isinstance(user, str | int | np.integer):
            raise SettingError(where, f"the user {shortened(user)}", "ids: text or whole numbers")
        _check_text(user, where)
    users = [int(u) if isinstance(u, np.integer) else u for u, own in each.items() for _ in own]
    items = [item for own in each.values() for item in own]
    return pl.DataFrame({"user": column(users), "item": column(items)})


def _of_frame(value: Any, where: str) -> pl.DataFrame:
    location = SourceLocation(where)
    try:
        table = whole_table(value, location)
        named = [_named(table, names, where) for names in (USER, ITEM)]
        user, item = (checked_ids(table[name], location, name) for name in named)
    except DataError as error:
        raise SettingError(error.where, error.found, error.expected) from None
    return pl.DataFrame({"user": user, "item": item})


def _named(table: pl.DataFrame, names: tuple[str, ...], where: str) -> str:
    for name in names:
        if name in table.columns:
            return name
    found = "the columns " + ", ".join(table.columns)
    raise SettingError(where, found, f"a column {names[0]!r} or {names[1]!r}")
