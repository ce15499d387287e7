from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fullrank.data import lookup
from fullrank.data.lookup import FEW, Lookup


def far_apart(n):
    """Integers too far apart for a table by value."""
    return pl.Series(np.random.default_rng(0).choice(2**62, n, replace=False))


@given(seed=st.integers(0, 2**32 - 1), strings=st.booleans())
def test_a_few_of_many_are_found_as_by_a_join(seed, strings):
    rng = np.random.default_rng(seed)
    values = far_apart(4 * FEW)
    ids = "u" + values.cast(pl.String) if strings else values
    table = Lookup(ids)
    rows = rng.integers(len(ids), size=3)
    query = ids.gather(rows)
    strange = pl.Series(["", "u"] if strings else [-1, 0])
    assert table.find(query).tolist() == rows.tolist()
    assert table.find(pl.concat([query[:1], strange])).tolist() == [rows[0], -1, -1]
    assert table.find(query[:0]).tolist() == []
    assert table.find(query).dtype == np.int32
    assert "_hashes" in vars(table)
    assert "_numbered" not in vars(table), "no join over all ids"
    everything = pl.concat([ids, strange])
    assert table.find(everything).tolist() == [*range(len(ids)), -1, -1]


@pytest.mark.parametrize("distinct", [1, 5, 200])
def test_ids_with_one_hash_are_told_apart(monkeypatch, distinct):
    monkeypatch.setattr(lookup, "hashes_of", lambda ids: ids.hash().to_numpy() % distinct)
    ids = "u" + far_apart(4 * FEW).cast(pl.String)
    found = [Lookup(ids).find(ids[row : row + 2]).tolist() for row in range(0, 250, 9)]
    assert found == [[row, row + 1] for row in range(0, 250, 9)]
    assert Lookup(ids).find(pl.Series(["u"])).tolist() == [-1]


def test_a_null_among_the_query_has_no_row():
    ids = "u" + far_apart(4 * FEW).cast(pl.String)
    assert Lookup(ids).find(pl.Series([ids[3], None])).tolist() == [3, -1]
