"""Numbering ids in bulk: the distinct ones in order, and the row of each of many."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fullrank.data.blocks import blocks

ROOM = 1 << 16
"""Span of integers that is always worth a table by value, however few ids lie in it."""
FEW = 64
"""How many times fewer the ids asked for must be than all ids to be found without a join."""
POWERS = 10 ** np.arange(1, 19, dtype=np.int64)


def distinct(raw: pl.Series) -> pl.Series:
    """The distinct ids: integers by value, strings by length and then alphabetically."""
    if raw.is_empty():
        return raw
    numbers = plain_numbers(raw)
    if numbers is None:
        strings = pl.DataFrame({"id": raw.unique()})
        return strings.sort(pl.col("id").str.len_bytes(), "id")["id"]
    low, span = _range(numbers)
    if span > 4 * len(numbers) + ROOM:
        return numbers.unique().sort().cast(raw.dtype)
    seen = np.zeros(span, dtype=np.bool_)
    for _, offsets in _offsets(numbers, low):
        seen[offsets] = True
    return pl.Series(np.flatnonzero(seen) + low).cast(raw.dtype)


class Lookup:
    """The row of an id, for columns of ids at a time.

    Numbers, and strings that are plain numbers, are found in a table by value if they lie close
    together. Of all others, columns are joined, which reads every id; a few are found by their
    hashes in order, which are made once.

    Args:
        ids: The id of each row, distinct and not null.
    """

    def __init__(self, ids: pl.Series) -> None:
        self._ids = ids

    def find(self, query: pl.Series) -> NDArray[np.int32]:
        """The row of each id of ``query``, of the same type as the ids; -1 where it has none."""
        if self._table is not None and len(query) and not query.null_count():
            numbers = plain_numbers(query)
            if numbers is not None:
                return self._by_value(numbers, *self._table)
        if FEW * len(query) < len(self._ids) and not query.null_count():
            found, clear = self._by_hash(query)
            if clear:
                return found
        wanted = query.rename("id").to_frame()
        joined = wanted.join(self._numbered, on="id", how="left", maintain_order="left")
        return joined["row"].fill_null(-1).to_numpy()

    def _by_value(self, numbers: pl.Series, low: int, rows: NDArray[np.int32]) -> NDArray[np.int32]:
        first, span = _range(numbers)
        found = np.full(len(numbers), -1, dtype=np.int32)
        if first < low or first + span > low + len(rows):
            inside = numbers.is_between(low, low + len(rows) - 1)
            at, numbers = inside.arg_true().to_numpy(), numbers.filter(inside)
        else:
            at = None
        for block, offsets in _offsets(numbers, low):
            found[block if at is None else at[block]] = rows[offsets]
        return found

    @cached_property
    def _table(self) -> tuple[int, NDArray[np.int32]] | None:
        """The lowest id and, from there on, the row of each number."""
        numbers = plain_numbers(self._ids) if len(self._ids) else None
        if numbers is None:
            return None
        low, span = _range(numbers)
        if span > 8 * len(numbers) + ROOM:
            return None
        rows = np.full(span, -1, dtype=np.int32)
        for block, offsets in _offsets(numbers, low):
            rows[offsets] = np.arange(block.start, block.stop, dtype=np.int32)
        return low, rows

    def _by_hash(self, query: pl.Series) -> tuple[NDArray[np.int32], bool]:
        """As `find`, and whether no two ids with one hash stood in the way."""
        hashes, rows = self._hashes
        wanted = hashes_of(query)
        at = np.minimum(np.searchsorted(hashes, wanted), len(hashes) - 1)
        found = rows[at]
        same_hash = hashes[at] == wanted
        same = (self._ids.gather(found) == query).to_numpy()
        return np.where(same, found, np.int32(-1)), bool((same == same_hash).all())

    @cached_property
    def _hashes(self) -> tuple[NDArray[np.uint64], NDArray[np.int32]]:
        """Hashes of the ids in order, and the row of each."""
        hashes = hashes_of(self._ids)
        order = np.argsort(hashes, kind="stable")
        return hashes[order], order.astype(np.int32)

    @cached_property
    def _numbered(self) -> pl.DataFrame:
        rows = np.arange(len(self._ids), dtype=np.int32)
        return pl.DataFrame({"id": self._ids, "row": rows})


def hashes_of(ids: pl.Series) -> NDArray[np.uint64]:
    """A hash of each id, the same for the same id as long as the process lives."""
    return ids.hash().to_numpy()


def plain_numbers(ids: pl.Series) -> pl.Series | None:
    """The ids as integers if each is one in its plain form, unlike ``007``, ``+7`` and ``-7``.

    Numbers are several times faster to order and to find than strings, and in the same order.
    """
    if ids.dtype.is_integer():
        return ids
    if not len(ids) or not (ids[0] or "").isdecimal():
        return None
    numbers = ids.cast(pl.Int64, strict=False)
    if numbers.null_count() or int(numbers.min()) < 0:  # type: ignore[arg-type]
        return None
    digits = np.searchsorted(POWERS, numbers.to_numpy(), side="right") + 1
    return numbers if bool((digits == ids.str.len_bytes().to_numpy()).all()) else None


def _range(integers: pl.Series) -> tuple[int, int]:
    """The lowest of some integers, and how many there are from there to the highest.

    Beyond int64, where NumPy cannot index, the count is too high for any table.
    """
    low, high = int(integers.min()), int(integers.max())  # type: ignore[arg-type]
    return low, high - low + 1 if high < 2**63 else 2**64


def _offsets(integers: pl.Series, low: int) -> Iterator[tuple[slice, NDArray[Any]]]:
    """``integers - low``, as positions in a table, block by block."""
    for block in blocks(len(integers)):
        values: NDArray[Any] = integers[block].to_numpy()
        yield block, values if low == 0 else values.astype(np.int64) - low
