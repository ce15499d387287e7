"""The values of an attribute as numbers: what limits and calibration count."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from fullrank.data.ids import Ids
from fullrank.rules.filtering import unknown_attribute


@dataclass(frozen=True)
class Labels:
    """The distinct values that each item has, as codes."""

    indptr: NDArray[np.int64]
    """(n_items + 1,)"""
    codes: NDArray[np.int64]
    n_codes: int

    @classmethod
    def of(cls, items: Ids, name: str, where: str) -> Labels:
        """Those of an attribute of any kind; a part of a list is a value.

        Raises:
            SettingError: the items have no such attribute.
        """
        known = items.attributes
        if known is None or name not in known.columns:
            raise unknown_attribute(where, name, [] if known is None else known.columns)
        key = f"labels of {name}"
        if key not in items.derived:
            items.derived[key] = cls._made(known, name)
        kept: Labels = items.derived[key]
        return kept

    @classmethod
    def _made(cls, known: pl.DataFrame, name: str) -> Labels:
        pairs = pl.DataFrame({"row": np.arange(len(known)), "value": known[name]})
        if isinstance(known.schema[name], pl.List):
            pairs = pairs.explode("value")
        pairs = pairs.drop_nulls().unique().with_columns(pl.col("value").rank("dense") - 1)
        pairs = pairs.sort("row", "value")
        counts = np.bincount(pairs["row"].to_numpy(), minlength=len(known))
        codes = pairs["value"].to_numpy().astype(np.int64)
        indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return cls(indptr, codes, int(codes.max(initial=-1)) + 1)

    def of_items(self, items: NDArray[np.int32]) -> NDArray[np.int32]:
        """(b, m, l) the codes of (b, m) item rows, -1 where there are fewer or no item."""
        start, stop = self.indptr[items], self.indptr[items + 1]
        counts = np.where(items >= 0, stop - start, 0)
        place = np.arange(max(int(counts.max(initial=0)), 1))
        there = place < counts[..., None]
        at = np.where(there, start[..., None] + place, 0)
        codes = self.codes if len(self.codes) else np.array([-1])
        return np.where(there, codes[at], -1).astype(np.int32)

    def shares(self) -> sp.csr_array:
        """(n_items, n_codes) each value's share of an item: 1 / its number of values."""
        counts = np.diff(self.indptr)
        weight = 1 / np.repeat(np.maximum(counts, 1), counts)
        shape = (len(counts), max(self.n_codes, 1))
        return sp.csr_array((weight, self.codes, self.indptr), shape=shape)
