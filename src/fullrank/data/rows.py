"""Rows of a table as row numbers: those to learn from, and those never to show."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from fullrank.data.events import denied
from fullrank.data.ids import Ids
from fullrank.data.location import SourceLocation, first_true
from fullrank.data.order import Pairs, merged_pairs
from fullrank.errors import DataError


class Rows(NamedTuple):
    """Pairs in the order of a table, with what is known of each."""

    user_idx: NDArray[Any]
    item_idx: NDArray[Any]
    weight: NDArray[Any] | None
    timestamp: NDArray[Any] | None

    @classmethod
    def of(
        cls,
        table: pl.DataFrame,
        users: Ids,
        items: Ids,
        columns: tuple[str, str],
        location: SourceLocation,
    ) -> Rows:
        """Of a clean table.

        Raises:
            DataError: an id is not among those of users or items; ``columns`` has their names.
        """
        user, item = columns
        return cls(
            _rows_of(users, table["user_id"], location, user),
            _rows_of(items, table["item_id"], location, item),
            table["weight"].to_numpy() if "weight" in table.columns else None,
            table["timestamp"].to_numpy() if "timestamp" in table.columns else None,
        )

    def divided(self) -> tuple[Rows, Rows | None]:
        """The rows to learn from, and those of pairs that are never to be shown.

        Raises:
            DataError: there is none to learn from.
        """
        if self.weight is None or not (self.weight < 0).any():
            return self, None
        kept, negative = denied(self.user_idx, self.item_idx, self.weight)
        if not (self.weight[kept] > 0).any():
            found = "events with a weight below zero alone, or zero"
            raise DataError("events", found, "one to learn from")
        time = None if self.timestamp is None else self.timestamp[kept]
        learned = Rows(self.user_idx[kept], self.item_idx[kept], self.weight[kept], time)
        return learned, Rows(self.user_idx[negative], self.item_idx[negative], None, None)

    def merged(self, n_users: int) -> Pairs:
        """The pairs, each once, in arrays of their own."""
        pairs = merged_pairs(n_users, *self)
        if self.timestamp is None or pairs.timestamp is not self.timestamp:
            return pairs
        # Rows in order: still the memory of the frame, into which its owner may write.
        return pairs._replace(timestamp=self.timestamp.copy())


def pairs_within(matrix: sp.csr_array, users: NDArray[Any], items: NDArray[Any]) -> Pairs:
    """The pairs of some users and items, in their numbering."""
    part = sp.csr_array(matrix[users][:, items])
    part.sort_indices()
    return Pairs(part.indptr.astype(np.int64), part.indices.astype(np.int32))


def _rows_of(ids: Ids, raw: pl.Series, location: SourceLocation, column: str) -> NDArray[np.int32]:
    rows = ids.find(raw)
    unknown = rows < 0
    if unknown.any():
        at = first_true(unknown)
        where = location.at(at, column)
        raise DataError(where, f"the unknown id {raw[at]!r}", "an id of the given ids")
    return rows
