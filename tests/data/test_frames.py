"""Frames of pandas and pyarrow as people have them."""

import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from fullrank.data import Columns, Ids, Interactions
from fullrank.errors import DataError

KINDS = [pl.DataFrame, pd.DataFrame, pa.table]


def refused(frame, match, **arguments):
    with pytest.raises(DataError, match=match) as caught:
        Interactions.from_frame(frame, **arguments)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "more",
    [
        [1, "a", None],
        [[1], 2, "x"],
        [object(), object(), {}],
        [2**70, -(2**70), 0.5],
        [{1}, b"", 1j],
    ],
)
def test_a_column_that_is_not_needed_is_not_read(cells, more):
    frame = pd.DataFrame({"user_id": ["a", "a", "b"], "item_id": [1, 2, 1]})
    frame["more"] = pd.Series(more, dtype=object)
    assert set(cells(Interactions.from_frame(frame))) == {("a", 1), ("a", 2), ("b", 1)}


def test_mixed_ids_are_named_by_row():
    frame = pd.DataFrame({"user_id": ["a", "b", 7], "item_id": [1, 2, 3]})
    refused(frame, "frame, row 3, column user_id: found 7 below values of the kind string")
    frame = pd.DataFrame({"user_id": [None, 7, "b"], "item_id": [1, 2, 3]}, dtype=object)
    refused(frame, "frame, row 3, column user_id: found 'b' below values of the kind number")


@pytest.mark.parametrize("kind", KINDS)
def test_lists_are_no_ids_weights_or_times(kind):
    ids = {"user_id": ["a", "b"], "item_id": ["x", "y"]}
    lists = [[1], [2]]
    refused(kind(ids | {"user_id": lists}), r"column user_id: found ids of type List")
    refused(kind(ids | {"weight": lists}), "column weight: found values of type List")
    refused(kind(ids | {"timestamp": lists}), "column timestamp: found values of type List")


def test_objects_are_no_ids():
    refused(pd.DataFrame({"user_id": [{1}, {2}], "item_id": [1, 2]}), "column user_id: found")
    refused(pl.DataFrame({"user_id": [{1}, {2}], "item_id": [1, 2]}), "column user_id: found")


@pytest.mark.parametrize("asked", [[["a"]], [("a", "b")], [object()], [b"a"]])
@pytest.mark.parametrize("known", [["a", "b"], [1, 2]])
def test_lists_are_not_asked_for(asked, known):
    with pytest.raises(DataError, match="found values of type"):
        Ids.of(pl.Series(known)).rows(asked)


def test_names_that_occur_twice():
    rows = [["a", "x", 1, 2], ["b", "y", 3, 4]]
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "more", "more"])
    assert len(Interactions.from_frame(frame)) == 2
    assert len(Interactions.from_frame(pa.Table.from_arrays(
        [pa.array(list(each)) for each in zip(*rows, strict=True)], names=list(frame.columns)
    ))) == 2  # fmt: skip
    frame.columns = ["user_id", "item_id", "item_id", "more"]
    refused(frame, "frame: found 2 columns 'item_id'; expected one column of that name")


def test_names_that_are_numbers(cells):
    frame = pd.DataFrame([["a", "x"], ["b", "y"]])
    data = Interactions.from_frame(frame, columns=Columns(user="0", item="1"))
    assert set(cells(data)) == {("a", "x"), ("b", "y")}
    refused(frame, "found the columns 0, 1; expected a column 'user_id'")


def test_categories_are_text(cells):
    frame = pl.DataFrame({"user_id": ["a", "b"], "item_id": ["x", "y"], "weight": ["5", "3"]})
    data = Interactions.from_frame(frame.with_columns(pl.all().cast(pl.Categorical)))
    assert cells(data) == {("a", "x"): (5.0, None), ("b", "y"): (3.0, None)}


def test_dates_of_frames_take_the_form_that_is_named(cells):
    frame = pd.DataFrame({"user_id": ["a"], "item_id": ["x"], "timestamp": ["01/12/2024"]})
    refused(frame, "row 1, column timestamp: found '01/12/2024'")
    data = Interactions.from_frame(frame, columns=Columns(timestamp_format="%d/%m/%Y"))
    assert cells(data) == {("a", "x"): (None, 1_733_011_200_000_000)}


def test_no_frame_at_all():
    for thing in ([["a", "x"]], {"user_id": ["a"]}, np.zeros((2, 2)), pl.LazyFrame(), None):
        refused(thing, "expected a polars, pandas or pyarrow table")


WITHOUT_PYARROW = """
from importlib.machinery import PathFinder
find = PathFinder.find_spec
PathFinder.find_spec = lambda name, *more: None if name == "pyarrow" else find(name, *more)
import pandas as pd
from fullrank.data import Interactions
frame = pd.DataFrame({
    "user_id": ["a", "b", "b"],
    "item_id": pd.array([1, 2, 1], dtype="Int64"),
    "weight": [1.0, 2.0, 0.5],
    "timestamp": pd.to_datetime(["2024-12-01", "2024-12-02", "2024-12-03"]),
})
data = Interactions.from_frame(frame)
assert data.users.values.to_list() == ["a", "b"], data.users.values
assert data.items.values.to_list() == [1, 2], data.items.values
assert data.weight.tolist() == [1.0, 0.5, 2.0], data.weight
assert data.timestamp[0] == 1_733_011_200_000_000, data.timestamp
frame["user_id"] = frame["user_id"].astype("category")
assert Interactions.from_frame(frame).fingerprint == data.fingerprint
"""


@pytest.mark.slow
def test_pandas_without_pyarrow():
    run = subprocess.run(
        [sys.executable, "-c", WITHOUT_PYARROW], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("rows_in_order", [True, False])
@pytest.mark.parametrize("kind", ["pandas", "pyarrow", "polars"])
def test_the_columns_of_a_frame_are_copied(kind, rows_in_order):
    """A frame may be a view of arrays that somebody else writes to afterwards."""
    rows = np.arange(5) if rows_in_order else np.arange(5)[::-1].copy()
    columns = {"user_id": rows.copy(), "item_id": rows.copy()}
    columns |= {"timestamp": rows + 10.0, "weight": rows + 1.0}
    views = {name: pa.array(each) for name, each in columns.items()}
    frame = {
        "pandas": lambda: pd.DataFrame(columns, copy=False),
        "pyarrow": lambda: pa.table(views),
        "polars": lambda: pl.DataFrame(columns),
    }[kind]()
    made = Interactions.from_frame(frame)
    for each in columns.values():
        each[:] = 3
    assert made.timestamp.tolist() == [10, 11, 12, 13, 14]
    assert made.weight.tolist() == [1, 2, 3, 4, 5]
    assert made.users.values.to_list() == made.items.values.to_list() == [0, 1, 2, 3, 4]


def test_ids_of_an_array_are_copied():
    raw = np.arange(5)
    ids = Ids(raw)
    raw[:] = 3
    assert ids.values.to_list() == [0, 1, 2, 3, 4]
    assert ids.rows([4]).tolist() == [4]
