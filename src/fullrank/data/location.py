"""The source location of a row of a table, so that an error can point at it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class SourceLocation:
    """A table and how its rows are counted: a frame by row, a text file by line.

    Args:
        name: What to call the table.
        unit: What one row of it is, ``row`` or ``line``.
        first: The number of the row at position 0; a text file with a header starts at 2.
        kept: Positions, in the whole table, of the rows that are left; all when not given.
    """

    name: str
    unit: str = "row"
    first: int = 1
    kept: NDArray[Any] | None = None

    def at(self, position: int, column: str | None = None) -> str:
        """Names the row at ``position``, and its column where one is given.

        >>> SourceLocation("events.csv", "line", first=2).at(0, "item_id")
        'events.csv, line 2, column item_id'
        """
        if self.kept is not None:
            position = int(self.kept[position])
        where = f"{self.name}, {self.unit} {position + self.first}"
        return where if column is None else f"{where}, column {column}"

    def keep(self, positions: NDArray[Any]) -> SourceLocation:
        """The location of a selection of the rows that this one describes."""
        kept = positions if self.kept is None else self.kept[positions]
        return replace(self, kept=kept)

    def __str__(self) -> str:
        return self.name


def first_true(mask: Any) -> int:
    """Position of the first true value of a polars or NumPy mask that has one."""
    return int(np.argmax(np.asarray(mask)))
