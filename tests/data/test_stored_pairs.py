"""A file that is written a block at a time is the file of the whole table, to the byte."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from fullrank.data import Interactions
from fullrank.data.stored_pairs import write_pairs
from fullrank.data.stored_tables import write_table


def table_of(part: Interactions) -> pl.DataFrame:
    rows = pl.DataFrame({"user_row": part.user_idx, "item_row": part.item_idx})
    if part.timestamp is not None:
        rows = rows.with_columns(timestamp=pl.Series(part.timestamp))
    if part.weight is not None:
        rows = rows.with_columns(weight=pl.Series(part.weight))
        return rows if part.rows is None else rows.with_columns(rows=pl.Series(part.rows))
    return rows if part.rows is None else rows[np.repeat(np.arange(len(part)), part.rows)]


@pytest.mark.parametrize("block", [1, 7, 1 << 19])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("times", [None, np.int64, np.float64])
@pytest.mark.parametrize("n", [0, 60])
def test_the_bytes_are_those_of_the_table(small, tmp_path, monkeypatch, block, weighted, times, n):
    rng = np.random.default_rng(3)
    user, item = rng.integers(20, size=n), rng.integers(6, size=n)  # some users have none
    values = {
        "weight": rng.random(n) + 0.5 if weighted else None,
        "timestamp": None if times is None else rng.integers(1000, size=n).astype(times),
    }
    part = Interactions.from_rows(small.train.users, small.train.items, user, item, **values)
    assert not n or part.rows is not None  # pairs that the data repeat
    monkeypatch.setattr("fullrank.data.blocks.BLOCK", block)
    write_pairs(tmp_path / "found", part)
    write_table(tmp_path / "expected", table_of(part))
    assert (tmp_path / "found").read_bytes() == (tmp_path / "expected").read_bytes()
