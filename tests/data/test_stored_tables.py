"""Ids, titles and row numbers as tensors: what was written is read, and nothing else is."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from safetensors.numpy import load_file, save_file

from fullrank import DataError
from fullrank.data.stored_tables import read_table, write_table

TABLE = pl.DataFrame(
    {
        "id": ["", "a", "é", "\U0001f600", "x" * 300, "line\nend"],
        "title": [None, "One", "", None, "日本", "z"],
        "user_row": pl.Series([0, 1, 2, 3, 4, 2**31 - 1], dtype=pl.Int32),
        "large": pl.Series([0, 1, 2, 3, 4, 2**64 - 1], dtype=pl.UInt64),
        "weight": pl.Series([0.5, -0.0, 1e-45, 3, 1, 2], dtype=pl.Float32),
    }
)
ALL = dict.fromkeys(TABLE.columns, True)


@pytest.mark.parametrize("rows", [6, 1, 0])
def test_what_was_written_is_read(tmp_path, rows):
    write_table(tmp_path / "t", TABLE.head(rows))
    assert_frame_equal(read_table(tmp_path / "t", ALL), TABLE.head(rows))


def test_only_what_is_asked_for_is_read(tmp_path):
    write_table(tmp_path / "t", TABLE)
    assert read_table(tmp_path / "t", {"id": True, "other": False}).columns == ["id"]
    with pytest.raises(DataError, match="columns id, large, title, user_row, weight; expected a c"):
        read_table(tmp_path / "t", {"id": True, "other": True})


def test_a_name_that_is_not_utf8(tmp_path):
    path = tmp_path / "a\udce9b"
    write_table(path, TABLE)
    assert_frame_equal(read_table(path, ALL), TABLE)


def test_ids_without_values_are_text(tmp_path):
    write_table(tmp_path / "t", pl.DataFrame({"id": pl.Series([], dtype=pl.Null)}))
    assert read_table(tmp_path / "t", {"id": True}).schema == {"id": pl.String}


@pytest.mark.parametrize(
    "change",
    [
        {"id.ends": np.array([1, 0, 3], np.int64)},
        {"id.ends": np.array([-1, 2, 3], np.int64)},
        {"id.ends": np.array([1, 2, 4], np.int64)},
        {"id.ends": np.array([1, 2, 2**62], np.int64)},
        {"id.ends": np.array([1, 2, 3], np.int32)},
        {"id.ends": np.array([[1, 2, 3]], np.int64)},
        {"id.ends": np.array(3, np.int64)},
        {"id.ends": np.empty(0, np.int64)},
        {"id.text": np.array([97, 98, 255], np.uint8)},
        {"id.text": np.array([97.0, 98, 99], np.float32)},
        {"id.text": np.array([97, 98, 99], np.int8)},
        {"id.text": np.array([[97], [98], [99]], np.uint8)},
        {"id.known": np.ones(2, np.uint8)},
        {"id.known": np.ones(3, np.float32)},
    ],
    ids=str,
)
def test_text_that_is_none(tmp_path, change):
    write_table(tmp_path / "t", pl.DataFrame({"id": ["a", "b", "c"]}))
    save_file(load_file(tmp_path / "t") | change, tmp_path / "t")
    with pytest.raises(DataError, match="t, column id: found no text"):
        read_table(tmp_path / "t", {"id": True})


@pytest.mark.parametrize(
    "values", [np.ones((2, 2), np.int32), np.array(3), np.array([True, False])], ids=str
)
def test_numbers_that_are_no_column(tmp_path, values):
    save_file({"user_row": values}, tmp_path / "t")
    with pytest.raises(DataError, match=r"column user_row: found .*; expected a column of numbers"):
        read_table(tmp_path / "t", {"user_row": True})


@pytest.mark.parametrize("dtype", ["F8_E4M3", "F8_E5M2", "BF16", "F4", "C64", "X"])
def test_numbers_that_numpy_does_not_have(tmp_path, dtype):
    header = '{"user_row":{"dtype":"%s","shape":[8],"data_offsets":[0,8]}}' % dtype  # noqa: UP031
    head = len(header).to_bytes(8, "little") + header.encode()
    (tmp_path / "t").write_bytes(head + bytes(8))
    with pytest.raises(
        DataError, match=r"expected (the file that `save` wrote|a column of numbers)"
    ):
        read_table(tmp_path / "t", {"user_row": True})


def test_columns_of_other_lengths(tmp_path):
    save_file({"user_row": np.arange(3), "item_row": np.arange(4)}, tmp_path / "t")
    with pytest.raises(DataError, match="rows: 3 in user_row, 4 in item_row"):
        read_table(tmp_path / "t", {"user_row": True, "item_row": True})


def test_a_file_of_something_else(tmp_path):
    for content in (b"", b"PAR1" + bytes(50), b"\xff" * 64):
        (tmp_path / "t").write_bytes(content)
        with pytest.raises(DataError, match="expected the file that `save` wrote"):
            read_table(tmp_path / "t", {"id": True})
