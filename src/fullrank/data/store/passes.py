"""The two passes over rows as functions of descriptions, which may run at once and elsewhere.

Each writes files below a folder that all of them see, and returns little. Any may be done twice:
whoever did it first may have died.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from fullrank.data.columns import Columns, clean, present
from fullrank.data.location import SourceLocation
from fullrank.data.readers.opening import opened
from fullrank.data.store.dividing import Divided, Shares, divided
from fullrank.data.store.hashing import Hashes
from fullrank.data.store.numbering import Ranks, distinct
from fullrank.data.store.scattering import Raw, Scattered, pairs_of
from fullrank.errors import DataError

PIECE = 1 << 22
"""Rows that are read at a time."""
_INTEGERS = (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64)
_HASHED = (pl.String, *_INTEGERS)
Each = Callable[[Callable[[Any], Any], Iterable[Any]], Iterator[Any]]
"""As `map`: results in the order of the descriptions, as many at a time as it likes."""


@dataclass(frozen=True)
class Reading:
    """Rows that one reader scatters: every ``of``-th file of a table.

    Args:
        source: The table.
        columns: How it is read.
        rank: Which reader this is, from 0.
        of: How many there are.
        work: Folder that all write into.
        partitions: Of users.
        salt: Of the hashes of strings.
        piece: Rows that are read at a time.
    """

    source: str
    columns: Columns
    rank: int
    of: int
    work: Path
    partitions: int
    salt: int
    piece: int


@dataclass(frozen=True)
class Read:
    """What a reader found.

    Args:
        rows: How many.
        dtypes: Types of the ids of users and of items.
        items: Distinct hashes of items.
    """

    rows: int
    dtypes: tuple[pl.DataType, pl.DataType] | None
    items: Hashes


def read_rows(asked: Reading) -> Read:
    """Pass 1: hashes rows, and appends them to files of partitions.

    Raises:
        DataError: the table cannot be read or used.
    """
    home = asked.work / "rows" / f"{asked.rank:04}"
    if home.exists():  # of a reader that died
        shutil.rmtree(home)
    home.mkdir(parents=True)
    scattered = Scattered(home / "pairs", asked.partitions)
    users, items = (Raw(home / side, asked.partitions, asked.salt) for side in ("users", "items"))
    found, seen, rows = np.empty(0, dtype=np.uint64), list[Hashes](), 0
    with opened(asked.source, asked.columns, share=(asked.rank, asked.of)) as table:
        names = present(table.columns, asked.columns, table.location)
        for frame, location in table.pieces([names["user_id"], names["item_id"]], asked.piece):
            if frame.is_empty():
                continue
            cleaned, _ = clean(frame, asked.columns, location)
            _check_width(cleaned, location)
            hashes = users.hashes(cleaned["user_id"]), items.hashes(cleaned["item_id"])
            scattered.add(*hashes)
            seen.append(distinct(hashes[1]))
            rows += len(cleaned)
            if sum(map(len, seen)) > 2 * len(found):
                found, seen = distinct(np.concatenate([found, *seen])), []
        users.flush()
        items.flush()
    types = None if users.dtype is None or items.dtype is None else (users.dtype, items.dtype)
    return Read(rows, types, distinct(np.concatenate([found, *seen])))


def _check_width(rows: pl.DataFrame, location: SourceLocation) -> None:
    for name in ("user_id", "item_id"):
        if rows[name].dtype not in _HASHED:
            found, expected = f"{name} of type {rows[name].dtype}", "integers of at most 64 bits"
            raise DataError(location.name, found, expected)


def one_type(source: str, found: list[Read]) -> tuple[pl.DataType, pl.DataType]:
    """The types of the ids of all readers.

    Raises:
        DataError: there are several, or no rows.
    """
    types = [each.dtypes for each in found if each.dtypes is not None]
    if not types:
        raise DataError(source, "no rows", "at least one interaction")
    for other in types:
        if other != types[0]:
            two = next((a, b) for a, b in zip(types[0], other, strict=True) if a != b)
            raise DataError(source, f"ids of the types {two[0]} and {two[1]}", "one type")
    return types[0]


@dataclass(frozen=True)
class Dividing:
    """A partition to number, sort and divide.

    Args:
        number: Which one.
        work: The folder of the readers.
        items: File of the distinct hashes of all items.
        shares: How pairs are divided.
    """

    number: int
    work: Path
    items: Path
    shares: Shares


def divide_partition(asked: Dividing) -> Divided:
    """Pass 2: numbers, sorts and divides a partition of all readers."""
    return divided(pairs_of(asked.work, asked.number), _ranks(asked.items), asked.shares)


def forget() -> None:
    """Gives up what this process keeps from one partition to the next."""
    _ranks.cache_clear()


@lru_cache(maxsize=1)
def _ranks(path: Path) -> Ranks:
    """Made once in a process."""
    return Ranks(np.load(path))
