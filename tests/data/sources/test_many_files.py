"""A folder, a pattern and hive partitions are the table that their files make."""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl
import pytest

import fullrank as fr
from fullrank.data import Columns, generate, read
from fullrank.data.sources.files import files_in, partition_of
from fullrank.errors import DataError, SettingError

WRITERS = {"parquet": "write_parquet", "arrow": "write_ipc", "csv": "write_csv"}


@pytest.fixture(scope="module")
def whole() -> pl.DataFrame:
    return generate(60, 40, 900, seed=0, timestamps=True).to_frame()


def written(frame: pl.DataFrame, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    getattr(frame, WRITERS[path.suffix.removeprefix(".")])(path)
    return path


def parts(whole: pl.DataFrame, folder: Path, suffix: str) -> Path:
    """Files of very different sizes, one of them without a row."""
    for number, (start, rows) in enumerate([(0, 1), (1, 600), (601, 0), (601, 299)]):
        written(whole[start : start + rows], folder / f"2026/part-{number}.{suffix}")
    (folder / "2026/_SUCCESS").write_text("")
    (folder / "2026/_temporary").mkdir()
    for name in ("_metadata", "_temporary/part-0"):
        (folder / f"2026/{name}.{suffix}").write_text("no table")
    (folder / ".part-9.csv.crc").write_text("")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("suffix", WRITERS)
def test_a_folder_and_a_pattern_are_the_whole(whole, tmp_path, suffix):
    one = read(written(whole, tmp_path / f"one.{suffix}"))
    folder = parts(whole, tmp_path / "orders", suffix)
    for place in (folder, f"{folder}/*/*.{suffix}", f"{folder}/**/part-?.{suffix}"):
        assert read(place).fingerprint == one.fingerprint
        assert (read(place).timestamp == one.timestamp).all()
    split, expected = fr.load(folder), fr.load(tmp_path / f"one.{suffix}")
    assert split.fingerprint == expected.fingerprint
    assert split.name == "orders"
    assert len(read(f"{folder}/2026/part-1.{suffix}")) < len(one)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", WRITERS)
def test_keys_of_hive_partitions_are_columns(whole, tmp_path, suffix):
    days = whole.with_columns(
        day=pl.from_epoch(pl.col("timestamp").rank("dense").cast(pl.Int64) % 5, "d").cast(pl.String)
    ).drop("timestamp")
    for (day,), frame in days.partition_by("day", as_dict=True).items():
        written(frame.drop("day"), tmp_path / f"orders/day={day}/x.{suffix}")
    one = written(days, tmp_path / f"one.{suffix}")
    columns = Columns(timestamp="day")
    got, expected = (read(place, columns=columns) for place in (tmp_path / "orders", one))
    assert got.fingerprint == expected.fingerprint
    assert (got.timestamp == expected.timestamp).all()
    assert read(tmp_path / "orders").timestamp is None
    where = r"orders: found the columns user_id, item_id, day; expected a column 'dya'"
    with pytest.raises(DataError, match=where):
        read(tmp_path / "orders", columns=Columns(timestamp="dya"))


def test_what_stands_in_the_name_of_a_partition():
    path = Path("a=b/kind=add%20to%20cart/day=__HIVE_DEFAULT_PARTITION__/x=1.parquet")
    assert partition_of(path) == {"a": "b", "kind": "add to cart", "day": None}


def test_a_partition_without_a_value_has_no_ids(tmp_path):
    frame = pl.DataFrame({"user_id": ["u"]})
    written(frame, tmp_path / "o/item_id=a/x.csv")
    written(frame, tmp_path / "o/item_id=__HIVE_DEFAULT_PARTITION__/x.csv")
    found = r"__HIVE_DEFAULT_PARTITION__/x.csv, line 2, column item_id: found a missing id"
    with pytest.raises(DataError, match=found):
        read(tmp_path / "o")


def two(tmp_path: Path, first: dict[str, list], second: dict[str, list], suffix: str) -> Path:
    for name, columns in (("a", first), ("b", second)):
        written(pl.DataFrame(columns), tmp_path / f"o/{name}.{suffix}")
    return tmp_path / "o"


IDS = {"user_id": ["u", "v"], "item_id": ["i", "j"]}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "second", "found"),
    [
        (IDS, {"user_id": ["u"]}, "b.parquet: found the columns user_id; expected a column 'item"),
        (
            IDS,
            {"user_id": [1], "item_id": ["i"]},
            r"b.parquet, column user_id: found values of type Int64; expected String, as in",
        ),
        (
            IDS,
            IDS | {"weight": [1.0, 2.0]},
            r"b.parquet: found a column 'weight'; expected none, as in .*a.parquet",
        ),
        (IDS | {"weight": [1.0, 2.0]}, IDS, r"b.parquet: .* expected a column 'weight', as in"),
        (IDS, {"user_id": ["u", None], "item_id": ["i", "j"]}, "b.parquet, row 2, column user_id"),
    ],
)
def test_schemas_must_agree(tmp_path, first, second, found):
    with pytest.raises(DataError, match=found):
        read(two(tmp_path, first, second, "parquet"))


def test_a_line_is_named_in_its_own_file(tmp_path):
    folder = two(tmp_path, IDS, {"user_id": ["u", ""], "item_id": ["i", "j"]}, "csv")
    with pytest.raises(DataError, match=r"o/b.csv, line 3, column user_id: found a missing id"):
        read(folder)
    (folder / "c.csv").write_text("user_id,item_id\n1,2,3\n")
    with pytest.raises(DataError, match=r"o/c.csv, line 2: found 3 fields; expected 2"):
        read(folder)


@pytest.mark.slow
def test_one_damaged_file(tmp_path):
    folder = two(tmp_path, IDS, IDS, "parquet")
    (folder / "b.parquet").write_bytes((folder / "b.parquet").read_bytes()[:-3])
    with pytest.raises(DataError, match=r"b.parquet: found a truncated Parquet file"):
        read(folder)


@pytest.mark.posix
def test_a_file_that_ends_its_parser_is_named(tmp_path, monkeypatch):
    from fullrank.data import probe

    folder = two(tmp_path, IDS, IDS, "parquet")
    told = probe._PROGRAM.replace("    try:\n", "    try:\n        number and os.abort()\n", 1)
    told = told.replace("    print(number", "    import os\n    print(number")
    monkeypatch.setattr(probe, "_PROGRAM", told)
    with pytest.raises(DataError, match=r"b.parquet: found a damaged Parquet file \(its parser"):
        read(folder)


def test_several_formats(tmp_path):
    folder = two(tmp_path, IDS, IDS, "parquet")
    (folder / "c.csv").write_text("user_id,item_id\n")
    with pytest.raises(DataError, match=r"c.csv: found a file of the format csv; expected parquet"):
        read(folder)
    assert len(read(f"{folder}/*.parquet")) == 2
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists/a.txt").write_text("0 1\n")
    with pytest.raises(DataError, match="lists of items in several files"):
        read(tmp_path / "lists")


def test_a_pattern_of_no_file(tmp_path):
    with pytest.raises(DataError, match="found no file of that pattern"):
        fr.load(f"{tmp_path}/*.csv")


def test_a_name_that_looks_like_a_pattern_is_a_name(tmp_path):
    path = written(pl.DataFrame(IDS), tmp_path / "a[1].csv")
    assert len(read(path)) == 2
    assert files_in(tmp_path) == [path]


@pytest.mark.slow
def test_a_split_stays_a_split(whole, tmp_path):
    split = fr.load(written(whole, tmp_path / "one.parquet"))
    folder = tmp_path / "parts"
    for name, part in split.parts.items():
        written(part.to_frame(), folder / f"{name}.parquet")
    again = fr.load(folder)
    assert {name: len(part) for name, part in again.parts.items()} == {
        name: len(part) for name, part in split.parts.items()
    }
    with pytest.raises(DataError, match="found a folder that `fullrank data split` wrote"):
        read(folder)


def test_a_query_of_a_file(tmp_path):
    path = written(pl.DataFrame(IDS), tmp_path / "one.csv")
    with pytest.raises(SettingError, match=r"option --table: found it with .*one.csv; expected a"):
        read(path, columns=Columns(table="orders"))


def test_a_file_of_several_names_is_read_once(whole, tmp_path):
    frame = whole.with_columns(weight=1.0)
    one = read(written(frame, tmp_path / "one.csv"))
    written(frame, tmp_path / "orders/a/x.csv")
    (tmp_path / "orders/a/y.csv").symlink_to("x.csv")
    (tmp_path / "orders/a/loop").symlink_to(tmp_path / "orders")
    for place in (tmp_path / "orders", tmp_path / "orders/**/*.csv"):
        assert read(place).fingerprint == one.fingerprint
    (tmp_path / "days/day=1").mkdir(parents=True)
    written(frame, tmp_path / "days/day=2/x.csv")
    (tmp_path / "days/day=1/x.csv").symlink_to("../day=2/x.csv")  # rows of another day
    assert len(files_in(tmp_path / "days")) == 2


@pytest.mark.parametrize("place", ["orders", "orders/**/*.csv"])
def test_a_link_to_nothing_is_no_part_to_pass_over(whole, tmp_path, place):
    written(whole, tmp_path / "orders/x.csv")
    (tmp_path / "orders/y.csv").symlink_to("nowhere")
    with pytest.raises(DataError, match=r"y\.csv: found a link to nothing; expected a file"):
        read(tmp_path / place)


def test_a_folder_that_cannot_be_listed_is_no_part_to_pass_over(whole, tmp_path, monkeypatch):
    written(whole, tmp_path / "orders/x.csv")
    (tmp_path / "orders/closed").mkdir()
    listed = os.scandir

    def refusing(path):
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(DataError, match="closed: found permission denied; expected a folder"):
        read(tmp_path / "orders")


def test_what_is_a_key_of_a_partition():
    place = Path("=x/a%20b=1%2F2/c=/d=__HIVE_DEFAULT_PARTITION__/plain/x.csv")
    assert partition_of(place) == {"a b": "1/2", "c": "", "d": None}
    assert partition_of(Path("a%20b=__HIVE_DEFAULT_PARTITION__/x.csv")) == {"a b": None}


def test_a_column_of_the_file_is_taken_before_that_of_its_folder(tmp_path):
    for key in ("x", "y"):
        frame = pl.DataFrame({"user_id": ["a"], "item_id": [f"own-{key}"]})
        written(frame, tmp_path / f"orders/item_id={key}/part.csv")
    assert read(tmp_path / "orders").to_frame()["item_id"].to_list() == ["own-x", "own-y"]
