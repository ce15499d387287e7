"""What cannot be prepared is said in one line, and leaves nothing."""

from __future__ import annotations

import os

import numpy as np
import polars as pl
import pytest

import fullrank as fr
from fullrank.data import Columns
from fullrank.data.store import Store, prepare
from fullrank.data.store import preparing as module

GOOD = pl.DataFrame({"user_id": np.arange(100) % 9, "item_id": np.arange(100) % 7})


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "days"
    folder.mkdir()
    GOOD.write_parquet(folder / "a.parquet")
    return folder


def refused(source, tmp_path, match, **how):
    with pytest.raises(fr.FullrankError, match=match) as error:
        prepare(source, tmp_path / "store", **how)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "store").exists()


@pytest.mark.slow
def test_a_missing_id_with_its_file_and_row(source, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PIECE", 30)
    bad = GOOD.with_columns(item_id=pl.when(pl.int_range(100) != 66).then("item_id"))
    bad.write_parquet(source / "b.parquet")
    refused(source, tmp_path, r"b\.parquet, row 67, column item_id: found a missing id")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("bad", "match"),
    [
        (GOOD.cast(pl.String), r"b\.parquet, column user_id: found values of type String"),
        (GOOD.drop("item_id"), r"b\.parquet: found the columns user_id"),
        (GOOD.with_columns(weight=1.0), r"b\.parquet: found a column 'weight'"),
    ],
)
def test_a_file_of_another_schema(source, tmp_path, bad, match):
    bad.write_parquet(source / "b.parquet")
    refused(source, tmp_path, match)


@pytest.mark.slow
def test_readers_that_find_other_types(source, tmp_path):
    GOOD.cast({"item_id": pl.Int32}).write_parquet(source / "b.parquet")
    refused(source, tmp_path, "ids of the types Int64 and Int32; expected one type", readers=2)


@pytest.mark.slow
def test_other_tables(source, tmp_path):
    refused(tmp_path / "nowhere.parquet", tmp_path, "no such file")
    refused(source, tmp_path, "found the columns", columns=Columns(user="uid"))
    GOOD.cast(pl.Float64).write_parquet(source / "a.parquet")
    refused(source, tmp_path, "ids of type Float64")
    GOOD.cast(pl.Int128).write_parquet(source / "a.parquet")
    refused(source, tmp_path, "user_id of type Int128; expected integers of at most 64 bits")
    GOOD.clear().write_parquet(source / "a.parquet")
    refused(source, tmp_path, "no rows")
    (source / "a.parquet").write_bytes(b"PAR1 no more PAR1")
    refused(source, tmp_path, "a damaged Parquet file")


def test_settings(source, tmp_path):
    refused(source, tmp_path, "setting test", test=1.0)
    refused(source, tmp_path, "setting partitions", partitions=0)
    for name in ("weight", "timestamp"):
        refused(source, tmp_path, f"setting {name}", columns=Columns(**{name: "item_id_2"}))


@pytest.mark.slow
def test_a_store_that_is_there_stays(source, tmp_path):
    out = tmp_path / "store"
    before = prepare(source, out)
    times = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    assert prepare(source, out).manifest == before.manifest
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == times
    with pytest.raises(fr.DataError, match=r"another store \(another shares\)"):
        prepare(source, out, seed=1)
    os.utime(source / "a.parquet", (1, 1))
    with pytest.raises(fr.DataError, match="another store"):
        prepare(source, out)
    assert Store.open(out).manifest == before.manifest


def test_a_folder_of_something_else(source, tmp_path):
    out = tmp_path / "mine"
    out.mkdir()
    (out / "users").write_text("mine")
    with pytest.raises(fr.DataError, match="something there already"):
        prepare(source, out)
    assert [each.name for each in out.iterdir()] == ["users"]
    with pytest.raises(fr.DataError, match="a file"):
        prepare(source, out / "users")
