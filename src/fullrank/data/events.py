"""Several kinds of feedback as weights: by kind, by age; negative ones as pairs never to show."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fullrank.data.json_text import json_of
from fullrank.data.location import SourceLocation, first_true
from fullrank.errors import DataError, SettingError

OTHER = "other"
"""The kind whose weight is that of every kind without one of its own."""
_DAYS = {"h": 1 / 24, "d": 1.0, "w": 7.0}
_UNITS = ((1e11, 1.0), (1e14, 1e3), (1e17, 1e6), (np.inf, 1e9))
"""Times below a number are in seconds, thousandths … since 1970: none is of the years 1973 to 5138
in two of these units."""
_EARLIEST = 1e8
_SMALLEST = float(np.finfo(np.float32).tiny)


def weights_of(text: str) -> dict[str, float]:
    """``view=1,cart=3`` or a JSON object as weights by kind.

    Raises:
        SettingError: it is neither.
    """
    expected = "view=1,cart=3,purchase=10, or a JSON object of numbers"
    try:
        if text.lstrip().startswith("{"):
            return {str(kind): float(weight) for kind, weight in json_of(text).items()}
        pairs = [each.rpartition("=") for each in text.split(",")]
        if any(not mark or not kind.strip() for kind, mark, _ in pairs):
            raise ValueError
        return {kind.strip(): float(weight) for kind, _, weight in pairs}
    except (ValueError, TypeError, OverflowError):
        raise SettingError("option --event-weights", repr(text), expected) from None


def days_of(text: str) -> float:
    """``90d``, ``12h`` or ``2w`` in days.

    Raises:
        ValueError: it is no such time above zero.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([hdw])\s*", text)
    if found is None or not float(found[1]):
        raise ValueError("a time such as 12h, 90d or 2w")
    return float(found[1]) * _DAYS[found[2]]


def weighted(
    table: pl.DataFrame, weights: Mapping[str, float], location: SourceLocation, column: str
) -> pl.DataFrame:
    """The table with the weight of each row's kind, times its own weight if it has one.

    A row whose kind has a negative weight has a negative weight.

    Raises:
        DataError: a kind is missing, or it has no weight; the message has all kinds and counts.
    """
    kinds = table["event"].cast(pl.String, strict=False)
    absent = kinds.is_null()
    if absent.any():
        found, expected = "no kind of event", "one in every row"
        raise DataError(location.at(first_true(absent), column), found, expected)
    unknown = sorted(set(kinds.unique()) - set(weights))
    if unknown and OTHER not in weights:
        counts = kinds.value_counts(sort=True).rows()
        found = ", ".join(f"{kind} {count:,}" for kind, count in counts[:20])
        more = f" and {len(counts) - 20} more kinds" if len(counts) > 20 else ""
        expected = f"a weight for {', '.join(map(repr, unknown[:20]))}, or other=… for all others"
        raise DataError(f"{location.name}, column {column}", f"the kinds {found}{more}", expected)
    other = weights.get(OTHER, 0.0)
    weight = kinds.replace_strict(dict(weights), default=other, return_dtype=pl.Float64)
    if "weight" in table.columns:
        weight = weight * table["weight"]
    return table.drop("event").with_columns(weight.alias("weight"))


def decayed(table: pl.DataFrame, half_life: float, location: SourceLocation) -> pl.DataFrame:
    """The table with weights that halve with every ``half_life`` days before the newest time.

    However old, an interaction remains one: its weight does not reach zero. Negative ones stay as
    they are.

    Raises:
        DataError: there are no times, or they are no dates and no seconds (thousandths …) of 1970.
    """
    if "timestamp" not in table.columns:
        expected = "a column 'timestamp' (or name yours: --timestamp-column)"
        raise DataError(location.name, "a half-life but no times", expected)
    time = table["timestamp"].to_numpy()
    newest = time.max()
    if newest < _EARLIEST:
        expected = "dates, or seconds, milli-, micro- or nanoseconds since 1970"
        raise DataError(location.name, f"times up to {newest:g} with a half-life", expected)
    second = next(unit for below, unit in _UNITS if newest < below)
    days = (newest - time).astype(np.float64) / (second * 86_400)
    weight = table["weight"].to_numpy() if "weight" in table.columns else np.ones(len(time))
    aged = weight * np.exp2(-days / half_life)
    aged = np.where(weight > 0, np.maximum(aged, _SMALLEST), weight)
    return table.with_columns(weight=pl.Series(aged))


def denied(
    user_idx: NDArray[Any], item_idx: NDArray[Any], weight: NDArray[Any]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Of rows of pairs, which are learned from, and which say that a pair is not to be shown.

    A pair with one negative event is left out of training, whatever else there is of it.
    """
    negative = weight < 0
    key = (user_idx.astype(np.int64) << 32) | item_idx.astype(np.int64)
    return ~np.isin(key, key[negative]), negative
