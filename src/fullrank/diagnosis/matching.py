"""Which interactions belong to which row of a table that came without ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fullrank.data import Columns, load, read
from fullrank.data.catalog import CATALOG
from fullrank.data.ids import Ids
from fullrank.data.interactions import Interactions
from fullrank.data.loading import is_split, place_of
from fullrank.data.lookup import plain_numbers
from fullrank.data.sources.address import shown
from fullrank.diagnosis.tables import Table
from fullrank.errors import DataError
from fullrank.serving.frames import pairs_to_test

One = Literal["users", "items"]
Side = One | Literal["both"]
ONES: tuple[One, One] = ("users", "items")


@dataclass(frozen=True, eq=False)
class Known:
    """Interactions that say which rows were trained, and what lists should hold.

    Attributes:
        train: Masked in lists.
        held_out: What lists are to find, with the ids of ``train``; None where there is nothing.
        part: What ``held_out`` is, for the report.
        trained: What rows may have been trained on: their counts are of these.
        beside: Masked as well, as `evaluate` masks it: a validation part, where another is found.
    """

    train: Interactions
    held_out: Interactions | None
    part: str
    trained: tuple[Interactions, ...]
    beside: Interactions | None = None

    def finding(self, data: str, columns: Columns | None) -> Known:
        """The same of which lists are to find interactions of ``data`` that the ids know.

        Of a data set in parts these are its validation part; what is read off lists is a choice,
        and its test part is not looked at.

        Raises:
            DataError: ``data`` cannot be read, or has no pair of known ids.
        """
        parts = {"train": self.train}
        if _divided(data):
            other = known_of(data, columns)
            if other.held_out is None:
                return replace(self, held_out=None)
            return replace(self, held_out=pairs_to_test(other.held_out, parts)[0], part=other.part)
        given = read(place_of(data), columns=columns)
        held_out, _ = pairs_to_test(given, parts)
        return replace(self, held_out=held_out, part=shown(data), beside=self.held_out)

    def ids(self, side: One) -> Ids:
        """Of users or items."""
        return self.train.users if side == "users" else self.train.items

    def counts(self, side: One) -> NDArray[np.int64]:
        """Interactions of each id that its row may have been trained on."""
        each = [part.user_degree if side == "users" else part.item_degree for part in self.trained]
        counts: NDArray[np.int64] = np.sum(each, axis=0, dtype=np.int64)
        return counts


def known_of(data: str, columns: Columns | None) -> Known:
    """The interactions of a data set, or of a file, of which lists find a tenth again.

    What is in its test part is not looked at.
    """
    divided = _divided(data)
    split = load(data, columns=columns) if divided else load(data, test=0.0, columns=columns)
    parts = (split.train,) if split.validation is None else (split.train, split.validation)
    return Known(split.train, split.validation, f"validation of {split.name}", parts)


def _divided(data: str) -> bool:
    return data in CATALOG or is_split(data)


def rows_of(ids: Ids, rows: int) -> NDArray[np.int64] | None:
    """The row of each id in a table of so many rows; None where they cannot be told.

    Ids that are whole numbers below the number of rows are row numbers. Any others are in their
    order, integers by value and strings by length and then alphabetically, if there are as many as
    rows.
    """
    numbers = plain_numbers(ids.values) if len(ids) else None
    if numbers is not None:
        values: NDArray[np.int64] = numbers.to_numpy().astype(np.int64)
        if values.min() >= 0 and values.max() < rows:
            return values
    return np.arange(rows) if len(ids) == rows else None


def side_of(where: str, table: Table, known: Known) -> Side:
    """Whose rows a table has: by its name if that says users or items, else by their number.

    Raises:
        DataError: its number of rows is of neither, or could be of both.
    """
    fits = [side for side in ONES if rows_of(known.ids(side), table.rows) is not None]
    named = [side for side in ONES if side[:-1] in table.name.lower()]
    if len(named) == 1:
        fits = [side for side in fits if side in named]
    if len(fits) == 1:
        return fits[0]
    sizes = f"the {known.train.n_users:,} users and {known.train.n_items:,} items of the data"
    if len(fits) == 2:
        found = f"{table.rows:,} rows, which could be of users or of items"
        raise DataError(where, found, "a table called users or items, in .npz or .safetensors")
    if not named and table.rows == known.train.n_users + known.train.n_items:
        return "both"
    raise DataError(where, f"{table.rows:,} rows", f"a row for each of {sizes}")


def belongs(table: Table, known: Known) -> bool:
    """Whether a table may have a row for each user, each item or both; a layer's weights do not.

    One that is called users or items is held to its name, lest the wrong data be let pass.
    """
    both = known.train.n_users + known.train.n_items
    fits = any(rows_of(known.ids(side), table.rows) is not None for side in ONES)
    return fits or table.rows == both or table.name.lower() in ONES


def counts_of(table: Table, side: Side, known: Known) -> NDArray[np.int64]:
    """(rows,) training interactions of each row; users before items where a table has both."""
    if side == "both":
        return np.concatenate([known.counts("users"), known.counts("items")])
    counts = np.zeros(table.rows, dtype=np.int64)
    at = rows_of(known.ids(side), table.rows)
    assert at is not None  # noqa: S101  # `side_of` has seen it
    counts[at] = known.counts(side)
    return counts


def pair_of(
    tables: Sequence[Table], at: Sequence[Side], known: Known
) -> tuple[Tensor, Tensor] | None:
    """User and item rows as the data number them, in memory; None unless there is one table each.

    A table of both is one of each, users first.
    """
    by_side = dict(zip(at, tables, strict=True))
    if len(at) == 1 and at[0] == "both":
        whole = tables[0].whole()
        return whole[: known.train.n_users], whole[known.train.n_users :]
    if sorted(at) != ["items", "users"] or tables[0].width != tables[1].width:
        return None  # before anything is read into memory
    users, items = (
        by_side[side].whole()[torch.as_tensor(rows_of(known.ids(side), by_side[side].rows))]
        for side in ONES
    )
    return users, items
