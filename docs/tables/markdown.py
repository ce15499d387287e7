"""Markdown tables, and how figures are printed in them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parents[2] / "results"
NONE = "–"
"""Stands where there is no figure."""


def load(name: str) -> Any:
    """The document in ``results/NAME.json``."""
    return json.loads((RESULTS / f"{name}.json").read_text("utf-8"))


def table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], text: Collection[int] = (0,)
) -> str:
    """A Markdown table; the columns at the positions ``text`` hold text, the others figures."""
    align = ["---" if position in text else "---:" for position in range(len(columns))]
    return "\n".join(f"| {' | '.join(row)} |" for row in [columns, align, *rows])


def metric(value: float | None) -> str:
    """Four decimals without the zero before the point.

    >>> metric(0.27742), metric(None)
    ('.2774', '–')
    """
    return NONE if value is None else f"{value:.4f}".removeprefix("0")


def rank(value: float | None) -> str:
    """An effective rank."""
    return NONE if value is None else f"{value:.1f}"


def digits(value: float | None) -> str:
    """Two significant digits, or all those before the point.

    >>> [digits(value) for value in (0.0396, 0.32, 9.51, 9.96, 281.0, 1346.2)]
    ['0.040', '0.32', '9.5', '10', '281', '1,346']
    """
    if value is None:
        return NONE
    return f"{value:,.0f}" if value >= 10 else f"{value:#.2g}".removesuffix(".")


def duration(seconds: float | None) -> str:
    """Seconds; minutes where there are a hundred seconds or more.

    >>> duration(0.319), duration(3389.0)
    ('0.32 s', '56 min')
    """
    if seconds is None:
        return NONE
    return f"{digits(seconds)} s" if seconds < 100 else f"{digits(seconds / 60)} min"


def code(text: str) -> str:
    """Text as code."""
    return f"`{text}`"
