"""Dates and times beyond the calendar: found before polars panics on them."""

from __future__ import annotations

from datetime import datetime

import polars as pl
import pytest

from fullrank import DataError
from fullrank.data import Columns, Ids, read
from fullrank.data.instants import beyond_calendar, microseconds
from fullrank.data.readers import read_titles

WILD = [2**62, -(2**62)]
TYPES = [pl.Datetime("ms"), pl.Datetime("us"), pl.Datetime("us", "Europe/Paris")]


def series(dtype, values):
    return pl.Series("t", values, dtype=pl.Int64).cast(dtype)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize("value", WILD)
def test_a_time_that_is_none_is_one_line(tmp_path, dtype, value, capfd):
    frame = pl.DataFrame({"user_id": ["a", "b"], "item_id": ["x", "y"]})
    frame = frame.with_columns(timestamp=series(dtype, [0, value]), title=series(dtype, [0, value]))
    frame.write_ipc(tmp_path / "e.arrow")
    for use in (
        lambda: read(tmp_path / "e.arrow"),
        lambda: read(tmp_path / "e.arrow", columns=Columns(weight="timestamp")),
        lambda: read_titles(tmp_path / "e.arrow", id_column="item_id"),
        lambda: Ids(["x"]).rows(frame["timestamp"]),
    ):
        with pytest.raises(DataError) as caught:
            use()
        assert "\n" not in str(caught.value)
    assert "panicked" not in capfd.readouterr().err


@pytest.mark.parametrize("value", [2**31 - 1, -(2**31)])
def test_a_date_that_is_none(value):
    dates = pl.Series("t", [0, value], dtype=pl.Int32).cast(pl.Date)
    assert beyond_calendar(dates).to_list() == [False, True]


def test_times_of_the_calendar_are_read_as_they_are():
    known = [datetime(2, 1, 1), datetime(1969, 12, 31, 23, 59), datetime(9998, 12, 31), None]
    for unit in ("ms", "us"):
        times = pl.Series("t", known, dtype=pl.Datetime(unit))
        assert not beyond_calendar(times).any()
        assert microseconds(times).to_list() == times.dt.epoch("us").to_list()
    assert beyond_calendar(pl.Series("t", [datetime(1, 12, 31)])).all()
    assert beyond_calendar(pl.Series("t", [datetime(9999, 1, 1)])).all()
    nanoseconds = series(pl.Datetime("ns"), [2**63 - 1, -(2**63) + 1])
    assert not beyond_calendar(nanoseconds).any()
    assert not beyond_calendar(pl.Series("t", ["x", "y"])).any()
