"""From ids in requests to row numbers and back, and the items that some words find."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fullrank.data.ids import Ids
from fullrank.service.messages import Id

FEW = 200_000
"""Ids up to which a dictionary is worth its memory, a hundred bytes each."""


class Lookup:
    """The rows of ids, as `Ids.rows` finds them, at the cost of a request's ids.

    Args:
        ids: The ids of one side.
        counts: (n,) interactions of each; the order of what a query finds.
    """

    def __init__(self, ids: Ids, counts: NDArray[Any]) -> None:
        self.ids, self.counts = ids, counts
        self._numeric = ids.values.dtype.is_integer()
        self._rows: dict[str, int] | None = None
        if len(ids) <= FEW:
            texts = ids.values.cast(pl.String).to_list()
            self._rows = dict(zip(texts, range(len(texts)), strict=True))

    def rows(self, raw: Sequence[Id]) -> NDArray[np.int64]:
        """(n,) the row of each id, -1 for an unknown one; ``17`` and ``"17"`` find each other."""
        texts = [each if isinstance(each, str) else str(each) for each in raw]
        if self._rows is not None:
            find = self._rows.get
            return np.array([find(each, -1) for each in texts], dtype=np.int64)
        return self.ids.rows(pl.Series(texts, dtype=pl.String))

    def raw(self, rows: NDArray[np.integer[Any]]) -> list[Id]:
        """The id of each row, a number where it is one in the data."""
        ids: list[Id] = self.ids.values.gather(rows).to_list()
        return ids

    def titles(self, rows: NDArray[np.integer[Any]]) -> list[str | None]:
        """The title of each row; None where there is none."""
        if self.ids.titles is None:
            return [None] * len(rows)
        titles: list[str | None] = self.ids.titles.gather(rows).to_list()
        return titles

    @cached_property
    def _searched(self) -> pl.Series:
        """In small letters: titles, and ids where there are none."""
        ids = self.ids.values.cast(pl.String)
        titles = self.ids.titles
        return (ids if titles is None else titles.fill_null(ids)).str.to_lowercase()

    def search(self, query: str, limit: int) -> NDArray[np.int64]:
        """Rows whose title (or id) holds the query: first what is just that, then what begins so.

        Among these, and among those where a word begins with it, the most popular come first.
        """
        wanted = query.strip().lower()
        found = self._searched.str.contains(wanted, literal=True).fill_null(False)
        rows = found.arg_true().to_numpy().astype(np.int64)
        texts = self._searched.gather(rows)
        better = (
            texts.str.contains(f" {wanted}" if wanted else "", literal=True),
            texts.str.starts_with(wanted),
            texts == wanted,
        )
        place = -np.sum([each.to_numpy() * 2**at for at, each in enumerate(better)], axis=0)
        order = np.lexsort((rows, -np.asarray(self.counts)[rows], place))
        return rows[order[:limit]]
