"""Raw ids <-> row numbers. Everything inside counts rows; everything outside speaks raw ids."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fullrank.data.checks import distinct_ids, row_numbers
from fullrank.data.columns import WITHOUT_TEXT, checked_ids
from fullrank.data.instants import beyond_calendar
from fullrank.data.location import SourceLocation
from fullrank.data.lookup import Lookup, distinct
from fullrank.errors import DataError


class Ids:
    """An ordered set of raw ids: the id at position ``r`` belongs to row ``r``.

    Args:
        values: The distinct raw ids, of a string or integer type, none null; a series or a list.
        titles: A readable name for each id, where the data set has them.

    Strings stay strings: ``"007"`` and ``"7"`` are two ids, and neither becomes a number.

    Raises:
        DataError: an id is null, empty or there twice, or the type is neither a string nor an
            integer; or there is not one title for each id.
    """

    def __init__(
        self, values: pl.Series | Sequence[Any], titles: pl.Series | Sequence[Any] | None = None
    ) -> None:
        named = None if titles is None else pl.Series("title", titles).cast(pl.String).to_frame()
        self._set(distinct_ids(values), named)

    @classmethod
    def _of(cls, values: pl.Series, attributes: pl.DataFrame | None = None) -> Ids:
        """Of ids that are known to be distinct."""
        made = cls.__new__(cls)
        made._set(values, attributes)
        return made

    def _set(self, values: pl.Series, attributes: pl.DataFrame | None) -> None:
        if attributes is not None and len(attributes) != len(values):
            what = "titles" if attributes.columns == ["title"] else "attributes"
            found = f"{len(attributes)} {what} of {len(values)} ids"
            raise DataError(what, found, "one for each id")
        self.values = values.rename("id")
        self.attributes = attributes
        """A row an id: ``title`` and whatever else is known, by `fullrank.data.attributes`."""
        self.derived: dict[str, Any] = {}
        """What is costly to make of the attributes and kept for the next time, by name."""

    @property
    def titles(self) -> pl.Series | None:
        """A readable name for each id, where there are some."""
        there = self.attributes is not None and "title" in self.attributes.columns
        return self.attributes["title"] if there and self.attributes is not None else None

    @classmethod
    def of(cls, raw: pl.Series, *, name: str = "ids") -> Ids:
        """The distinct ids of ``raw`` in their natural order, whatever the order of the input.

        Integers are ordered by value, strings by length and then alphabetically, so that strings
        of digits count up as the numbers do.

        Raises:
            DataError: an id is null or empty, or the type is neither a string nor an integer.
        """
        return cls._of(distinct(checked_ids(raw, SourceLocation(name), raw.name or "id")))

    @classmethod
    def numbered(cls, n: int, prefix: str = "") -> Ids:
        """The strings ``prefix0`` .. ``prefix{n-1}``, the row number of each in its name."""
        return cls._of(prefix + pl.Series(np.arange(n)).cast(pl.String))

    @classmethod
    def union(cls, parts: Iterable[Ids]) -> Ids:
        """Every id of every part in natural order; the first title given for an id is kept."""
        parts = list(parts)
        dtypes = {part.values.dtype for part in parts}
        target = parts[0].values.dtype if len(dtypes) == 1 else pl.String
        ids = cls.of(pl.concat([part.values.cast(target) for part in parts]))
        named = [
            part.attributes.with_columns(id=part.values.cast(target))
            for part in parts
            if part.attributes is not None
        ]
        try:
            return ids.with_attributes(pl.concat(named, how="diagonal")) if named else ids
        except pl.exceptions.PolarsError as error:  # one has numbers where another has text
            raise DataError("attributes of items", str(error), "one type a column") from None

    def with_titles(self, table: pl.DataFrame) -> Ids:
        """The same ids, named by the columns ``id`` and ``title``, ids matched as in `rows`.

        The first title given for an id is kept; ids without one have none.
        """
        return self.with_attributes(table.select("id", pl.col("title").cast(pl.String)))

    def with_attributes(self, table: pl.DataFrame) -> Ids:
        """The same ids with the columns beside ``id`` of a table, in the place of those so named.

        As of `with_titles`; `fullrank.data.read_items` gives such a table.
        """
        at = np.full(len(self), -1, dtype=np.int64)
        rows = self.rows(table["id"])[::-1]
        at[rows[rows >= 0]] = np.arange(len(table))[::-1][rows >= 0]
        where = pl.select(pl.when(pl.lit(pl.Series(at)) >= 0).then(pl.lit(pl.Series(at))))
        new = table.drop("id").select(pl.all().gather(where.to_series()))
        old = self.attributes
        return Ids._of(self.values, new if old is None else old.with_columns(new))

    def rows(self, raw: pl.Series | Iterable[Any]) -> NDArray[np.int64]:
        """The row of each raw id; -1 where an id is unknown.

        A query of another type matches by its exact text: ``17`` and ``"17"`` find each other,
        ``"017"`` finds neither.

        Raises:
            DataError: an id is neither a string nor a number, but a list, say, or half a character.
        """
        try:
            query = raw if isinstance(raw, pl.Series) else pl.Series(list(raw), strict=False)
        except UnicodeEncodeError as error:  # a byte of a command line that is no UTF-8
            raise DataError("ids", repr(error.object), "text in Unicode") from None
        return self.find(query).astype(np.int64)

    def find(self, query: pl.Series) -> NDArray[np.int32]:
        """As `rows`, for whole columns: ``(n,)``, int32."""
        if query.dtype != self.values.dtype:
            query = self._same_type(query)
        return self._lookup.find(query)

    def raw(self, rows: NDArray[np.integer[Any]]) -> pl.Series:
        """The raw id of each row number.

        Raises:
            DataError: a row is out of range.
        """
        return self.values.gather(row_numbers("rows", rows, len(self)))

    def select(self, rows: NDArray[np.integer[Any]]) -> Ids:
        """The ids of some rows, each named once, in the order of ``rows``.

        Raises:
            DataError: a row is out of range or there twice.
        """
        at = row_numbers("rows", rows, len(self))
        attributes = None if self.attributes is None else self.attributes[at]
        return Ids._of(distinct_ids(self.values.gather(at)), attributes)

    @cached_property
    def _lookup(self) -> Lookup:
        return Lookup(self.values)

    def _same_type(self, query: pl.Series) -> pl.Series:
        if query.dtype.is_nested() or query.dtype in WITHOUT_TEXT:
            raise DataError("ids", f"values of type {query.dtype}", "strings or integers")
        if beyond_calendar(query).any():
            raise DataError("ids", f"{query.dtype} beyond the calendar", "strings or integers")
        if query.dtype.is_integer() and self.values.dtype.is_integer():
            return query.cast(self.values.dtype, strict=False)
        text = query.cast(pl.String, strict=False)
        if self.values.dtype == pl.String:
            return text
        number = text.cast(self.values.dtype, strict=False)
        exact = (number.cast(pl.String) == text).fill_null(False)
        return pl.select(pl.when(exact).then(number)).to_series()

    @cached_property
    def digest(self) -> str:
        """A sha256 over the ids in their order; the type of the ids does not enter it."""
        sha = hashlib.sha256()
        for start in range(0, len(self), 100_000):
            part = self.values.slice(start, 100_000).cast(pl.String)
            sha.update("\n".join(part.to_list()).encode())
            sha.update(b"\n")
        return sha.hexdigest()

    def __len__(self) -> int:
        return len(self.values)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Ids):
            return NotImplemented
        return self.values.dtype == other.values.dtype and self.values.equals(other.values)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Ids({len(self):,} of type {self.values.dtype})"
