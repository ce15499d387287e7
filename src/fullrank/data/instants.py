"""Dates and times of columns: those beyond the calendar are found before anything converts them.

polars panics, or Python raises, where a file holds a number that is no date of the years 2 to 9998
(the first and the last are left out, for a time zone can lead out of them).
"""

from __future__ import annotations

import polars as pl

_DAY = 86_400
_FIRST, _LAST = -718_797, 2_932_531
"""Days since 1970 of the year 2's begin, and of the year 9998's end."""
_PER_SECOND = {"ms": 10**3, "us": 10**6, "ns": 10**9}


def beyond_calendar(raw: pl.Series) -> pl.Series:
    """(n,) whether a value is a date or time that there is not; false where there is no value."""
    if raw.dtype == pl.Date:
        first, last = _FIRST, _LAST
    elif isinstance(raw.dtype, pl.Datetime):
        unit = _PER_SECOND[raw.dtype.time_unit]
        first, last = _FIRST * _DAY * unit, (_LAST + 1) * _DAY * unit - 1
        first, last = max(first, -(2**63)), min(last, 2**63 - 1)
    else:
        return pl.repeat(value=False, n=len(raw), eager=True)
    number = raw.to_physical().cast(pl.Int64)
    return ((number < first) | (number > last)).fill_null(value=False)


def microseconds(raw: pl.Series) -> pl.Series:
    """Dates or dates with times within the calendar, as int64 since 1970."""
    return raw.cast(pl.Datetime("us")).to_physical()
