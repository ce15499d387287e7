"""A table file that has been opened, whatever its format."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import polars as pl

from fullrank.data.location import SourceLocation


@dataclass(frozen=True)
class Source:
    """A table that has been opened: its columns are known, its rows not yet read."""

    location: SourceLocation
    columns: list[str]
    load: Callable[[Iterable[str]], tuple[pl.DataFrame, SourceLocation]]
