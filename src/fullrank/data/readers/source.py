"""A table file that has been opened, whatever its format."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import polars as pl

from fullrank.data.location import SourceLocation

Piece = tuple[pl.DataFrame, SourceLocation]


@dataclass(frozen=True)
class Source:
    """A table that has been opened: its columns are known, its rows not yet read."""

    location: SourceLocation
    columns: list[str]
    load: Callable[[Iterable[str]], Piece]
    stream: Callable[[Iterable[str], int], Iterator[Piece]] | None = None
    """Reads columns in pieces of about so many rows, where a table can be read so."""

    def pieces(self, names: Iterable[str], rows: int) -> Iterator[Piece]:
        """The columns in pieces; in one where the table has to be read whole."""
        if self.stream is None:
            yield self.load(names)
        else:
            yield from self.stream(names, rows)
