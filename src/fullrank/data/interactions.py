"""The interactions table: who took what, as rows of a compressed sparse matrix."""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import Any, Self

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from fullrank.data import checks
from fullrank.data.blocks import blocks
from fullrank.data.columns import Columns, clean
from fullrank.data.frames import table_of
from fullrank.data.ids import Ids
from fullrank.data.location import SourceLocation
from fullrank.data.order import Pairs, merged_pairs, read_only
from fullrank.data.rows import Rows, pairs_within
from fullrank.errors import DataError


class Interactions:
    """Users × items, one stored entry for each observed pair, ordered by user row and item row.

    Args:
        users: Raw ids of the user rows.
        items: Raw ids of the item rows.
        indptr: Start of each user's entries, ``(n_users + 1,)``, int64.
        item_idx: Item row of each entry, ascending within a user, ``(n,)``, int32.
        weight: Optional weight of each entry, ``(n,)``, float32.
        timestamp: Optional time of each entry, ``(n,)``, int64 or float64.
        merged: How many input rows repeated a pair that was already there; ``rows`` has the number
            of input rows of each pair, ``(n,)``, int64, or None where each had one.

    Build one with `from_frame`, `from_scipy` or ``fullrank.read``; users or items without
    interactions are allowed, so that the parts of a split share their row numbers. The arrays are
    copies that cannot be written to: models, their scorers and their masks share them.

    Raises:
        DataError: an array has another shape or dtype, a row number is out of range, or the items
            of a user are not in ascending order, each once.
    """

    def __init__(
        self,
        users: Ids,
        items: Ids,
        indptr: NDArray[np.int64],
        item_idx: NDArray[np.int32],
        *,
        weight: NDArray[np.float32] | None = None,
        timestamp: NDArray[Any] | None = None,
        merged: int = 0,
    ) -> None:
        checks.check_ids(users, items)
        shape = len(users), len(items)
        self._hold(
            users, items, checks.pairs_of(shape, indptr, item_idx, weight, timestamp, merged)
        )

    @classmethod
    def _of(cls, users: Ids, items: Ids, pairs: Pairs) -> Self:
        """Of pairs of our own making, which hold what the constructor checks."""
        made = cls.__new__(cls)
        made._hold(users, items, pairs)
        return made

    def _hold(self, users: Ids, items: Ids, pairs: Pairs) -> None:
        self.users = users
        self.items = items
        self.indptr = read_only(pairs.indptr)
        self.item_idx = read_only(pairs.item_idx)
        self.weight = None if pairs.weight is None else read_only(pairs.weight)
        self.timestamp = None if pairs.timestamp is None else read_only(pairs.timestamp)
        self.merged = pairs.merged if pairs.rows is None else int((pairs.rows - 1).sum())
        self.rows = None if pairs.rows is None else read_only(pairs.rows)
        self.never: Interactions | None = None
        """Pairs that are never to be shown, of the same users and items, where there are some."""

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        *,
        columns: Columns | None = None,
        users: Ids | None = None,
        items: Ids | None = None,
        location: SourceLocation | str = "frame",
    ) -> Self:
        """Reads a polars, pandas or pyarrow table with one row per interaction.

        Args:
            frame: The table; any eager frame that narwhals knows.
            columns: Which columns to use, and an optional threshold on ratings.
            users: Ids that define the user rows; those in the frame if absent.
            items: Ids that define the item rows; those in the frame if absent.
            location: What to call the table in error messages.

        Raises:
            DataError: a column is missing, an id is null or not among ``users`` or ``items``, a
                weight is negative or not a number, or no row is left.
        """
        location = SourceLocation(location) if isinstance(location, str) else location
        columns = columns or Columns()
        table, location = clean(table_of(frame, columns, location), columns, location)
        users = users or Ids.of(table["user_id"])
        items = items or Ids.of(table["item_id"])
        rows = Rows.of(table, users, items, (columns.user, columns.item), location)
        rows, never = rows.divided()
        made = cls._of(users, items, rows.merged(len(users)))
        if never is not None:
            made.never = cls._of(users, items, never.merged(len(users)))
        return made

    @classmethod
    def from_rows(
        cls,
        users: Ids,
        items: Ids,
        user_idx: NDArray[Any],
        item_idx: NDArray[Any],
        *,
        weight: NDArray[Any] | None = None,
        timestamp: NDArray[Any] | None = None,
    ) -> Self:
        """Builds from row numbers, one pair a position; repeated pairs are merged and counted.

        The weights of a repeated pair add up, and its earliest timestamp stays: from then on it is
        known. A pair of weight zero is no interaction.

        Raises:
            DataError: a row number is out of range (rows count from 0) or no whole number, or the
                arrays are not of one length.
        """
        checks.check_ids(users, items)
        user_idx = checks.row_numbers("user_idx", user_idx, len(users))
        item_idx = checks.row_numbers("item_idx", item_idx, len(items))
        checks.check_lengths(user_idx, item_idx)
        weight, timestamp = checks.values_of(weight, timestamp, len(item_idx))
        pairs = merged_pairs(len(users), user_idx, item_idx, weight, timestamp)
        return cls._of(users, items, pairs)

    @classmethod
    def from_scipy(cls, matrix: Any, *, users: Ids | None = None, items: Ids | None = None) -> Self:
        """Reads a SciPy sparse matrix of users × items; stored zeros are dropped.

        Values other than one become weights. Without ids, rows and columns are called by number.

        Raises:
            DataError: a value is negative or not a number, or the ids do not fit the shape.
        """
        coo = checks.sparse_pairs(matrix)
        n_users, n_items = coo.shape
        users = users or Ids(pl.Series(np.arange(n_users)))
        items = items or Ids(pl.Series(np.arange(n_items)))
        if (len(users), len(items)) != (n_users, n_items):
            raise DataError(
                "sparse matrix",
                f"shape {n_users} x {n_items} with {len(users)} user and {len(items)} item ids",
                "one id for each row and column",
            )
        bad = ~(np.isfinite(coo.data) & (coo.data >= 0))
        if bad.any():
            at = int(bad.argmax())
            raise DataError(
                f"sparse matrix, row {coo.row[at]}, column {coo.col[at]}",
                f"weight {coo.data[at]}",
                "a weight of zero or more",
            )
        kept = coo.data > 0
        weight = coo.data[kept]
        pairs = merged_pairs(
            n_users, coo.row[kept], coo.col[kept], None if (weight == 1).all() else weight, None
        )
        return cls._of(users, items, pairs)

    @property
    def n_users(self) -> int:
        """Number of user rows, those without interactions included."""
        return len(self.users)

    @property
    def n_items(self) -> int:
        """Number of item rows, those without interactions included."""
        return len(self.items)

    def __len__(self) -> int:
        return len(self.item_idx)

    @cached_property
    def user_degree(self) -> NDArray[np.int64]:
        """Number of items of each user, ``(n_users,)``."""
        return np.diff(self.indptr)

    @cached_property
    def item_degree(self) -> NDArray[np.int64]:
        """Number of users of each item, its popularity, ``(n_items,)``."""
        found = np.zeros(self.n_items, dtype=np.int64)
        for block in blocks(len(self)):  # they may be mapped from a file
            found += np.bincount(self.item_idx[block], minlength=self.n_items)
        return found

    @property
    def user_idx(self) -> NDArray[np.int32]:
        """User row of each entry, ``(n,)``; made anew at each call."""
        return np.repeat(np.arange(self.n_users, dtype=np.int32), self.user_degree)

    def csr(self) -> sp.csr_array:
        """A binary users × items matrix over the same memory."""
        ones = np.ones(len(self), dtype=np.float32)
        shape = (self.n_users, self.n_items)
        return sp.csr_array((ones, self.item_idx, self.indptr), shape=shape)

    def select(self, entries: NDArray[Any]) -> Interactions:
        """The entries that a mask or a list of positions names; rows and ids stay as they are.

        Raises:
            DataError: a mask of another length, a position out of range or there twice.
        """
        at = checks.entries_of(entries, len(self))
        pairs = Pairs(
            np.searchsorted(at, self.indptr),
            self.item_idx[at],
            None if self.weight is None else self.weight[at],
            None if self.timestamp is None else self.timestamp[at],
            rows=None if self.rows is None else self.rows[at],
        )
        made = Interactions._of(self.users, self.items, pairs)
        made.never = self.never
        return made

    def compact(self) -> Interactions:
        """The same interactions without the users and items that have none."""
        kept_users = np.flatnonzero(self.user_degree)
        kept_items = np.flatnonzero(self.item_degree)
        number = np.cumsum(self.item_degree > 0) - 1
        indptr = np.concatenate(([0], self.indptr[1:][kept_users]))
        pairs = Pairs(
            indptr.astype(np.int64),
            number[self.item_idx].astype(np.int32),
            self.weight,
            self.timestamp,
            self.merged,
            self.rows,
        )
        users, items = self.users.select(kept_users), self.items.select(kept_items)
        made = Interactions._of(users, items, pairs)
        if self.never is not None:
            never = pairs_within(self.never.csr(), kept_users, kept_items)
            made.never = Interactions._of(users, items, never)
        return made

    def to_frame(self) -> pl.DataFrame:
        """A table of raw ids: ``user_id``, ``item_id``[, ``weight``, ``timestamp``]."""
        columns = {
            "user_id": self.users.raw(self.user_idx),
            "item_id": self.items.raw(self.item_idx),
        }
        frame = pl.DataFrame({name: ids.rename(name) for name, ids in columns.items()})
        if self.weight is not None:
            frame = frame.with_columns(weight=pl.Series(self.weight))
        if self.timestamp is not None:
            frame = frame.with_columns(timestamp=pl.Series(self.timestamp))
        return frame

    @cached_property
    def fingerprint(self) -> str:
        """16 hexadecimal digits over ids, pairs and weights: equal for equal interactions."""
        sha = hashlib.sha256(f"{self.users.digest} {self.items.digest}\n".encode())
        sha.update(np.ascontiguousarray(self.indptr, dtype="<i8").data)
        sha.update(np.ascontiguousarray(self.item_idx, dtype="<i4").data)
        if self.weight is not None:
            sha.update(np.ascontiguousarray(self.weight, dtype="<f4").data)
        return sha.hexdigest()[:16]

    def summary(self) -> dict[str, Any]:
        """Sizes and shape of the table, for a person to read."""
        users, items = int((self.user_degree > 0).sum()), int((self.item_degree > 0).sum())
        possible = self.n_users * self.n_items
        return {
            "users": self.n_users,
            "items": self.n_items,
            "interactions": len(self),
            "density": len(self) / possible if possible else 0.0,
            "users_with_interactions": users,
            "items_with_interactions": items,
            "median_items_per_user": float(np.median(self.user_degree)) if self.n_users else 0.0,
            "median_users_per_item": float(np.median(self.item_degree)) if self.n_items else 0.0,
            "repeated_pairs_merged": self.merged,
            "weights": self.weight is not None,
            "timestamps": self.timestamp is not None,
            "titles": self.items.titles is not None,
            "fingerprint": self.fingerprint,
        }

    def __repr__(self) -> str:
        return f"Interactions({self.n_users:,} users x {self.n_items:,} items, {len(self):,} pairs)"
