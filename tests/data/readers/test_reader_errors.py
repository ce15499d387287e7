import gzip
import os
import random
from contextlib import suppress

import polars as pl
import pytest

from fullrank.data import Columns, Ids, read, read_titles
from fullrank.data.panics import unprinted_panics
from fullrank.errors import DataError

HEAD = "user_id,item_id\n"


def complaint(path, **arguments):
    with pytest.raises(DataError) as caught:
        read(path, **arguments)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(str(path))
    return message.removeprefix(str(path))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", ": found an empty file; expected a header line and one interaction a line"),
        (b"\n\n", ": found an empty file"),
        (b"user_id,item_id\n", ": found no rows; expected at least one interaction"),
        (b"user_id,item_id\n\n\n", ": found no rows; expected at least one interaction"),
        (b"user_id,item_id\n1,2\n\n1,2,3\n", ", line 4: found 3 fields; expected 2"),
        (b'user_id,item_id\n"a\nb",2\n1,2,3\n', ", line 4: found 3 fields; expected 2"),
        (b"user_id,item_id\n1,2\n3\n", ", line 3, column item_id: found a missing id; expected an"),
        (b"user_id,item_id\n1,2\n\n,3\n", ", line 4, column user_id: found a missing id"),
        (b'user_id,item_id\n1,2\n"",3\n', ", line 3, column user_id: found a missing id"),
        (
            b"user_id,item_id\n1,2\n3,caf\xe9\n",
            ", line 3: found the byte 0xe9 at position 6 of the line; expected text in UTF-8",
        ),
        (b"user\xff,item_id\n1,2\n", ", line 1: found the byte 0xff at position 5 of the line"),
        (b"user_id,item_id,weight\n1,2,3\n\n1,3,-1\n", ", line 4, column weight: found '-1'; expe"),
        (b"user_id,item_id,weight\n1,2,NaN\n", ", line 2, column weight: found 'NaN'; expected a"),
        (b"user_id,item_id,timestamp\n1,2,3\n1,4,now\n", ", line 3, column timestamp: found 'now'"),
        (b"user_id,item_id,timestamp\n1,2,3\n1,4\n", ", line 3, column timestamp: found nothing"),
        (
            b"user,item\n1,2\n",
            ": found the columns user, item; expected a column 'user_id' (did you mean 'user'?)",
        ),
        (
            b'user_id,item_id\n"a,3\nb,4\n',
            ", line 2: found a quote that is not closed before line 3",
        ),
    ],
)
def test_bad_csv(tmp_path, content, expected):
    path = tmp_path / "events.csv"
    path.write_bytes(content)
    assert complaint(path).startswith(expected)


@pytest.mark.parametrize("name", ["events.csv.gz", "events.tsv.gz"])
def test_bad_lines_of_packed_files(tmp_path, name):
    path = tmp_path / name
    mark = "," if "csv" in name else "\t"
    path.write_bytes(gzip.compress(f"user_id{mark}item_id\n1{mark}2{mark}3\n".encode()))
    assert complaint(path) == ", line 2: found 3 fields; expected 2, as in the header"
    path.write_bytes(gzip.compress(f"user_id{mark}item_id\n".encode() * 1000)[:-12])
    assert complaint(path).startswith(": found a damaged")


def test_bad_recbole_lines(tmp_path):
    path = tmp_path / "x.inter"
    path.write_text("user_id:token\titem_id:token\n1\t2\n1\t2\t3\n")
    assert complaint(path) == ", line 3: found 3 fields; expected 2, as in the header"
    path.write_text("user_id:token\tmovie_id:token\n1\t2\n")
    assert complaint(path).startswith(": found the columns user_id, movie_id; expected a column")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", ": found an empty file; expected lines of a user and their items"),
        (b"\n \n", ": found blank lines only"),
        (b"1\n2\n", ": found users but no items"),
        (b"1 2\n\n1,3\n", ", line 3: found '1,3'; expected ids apart by blanks, or --format csv"),
        (b"user_id item_id\n1 2\n", ", line 1: found a header 'user_id item_id'; expected a user"),
        (b"user_id,item_id\n1,2\n", ", line 1: found a header 'user_id,item_id'"),
        (b"1 2\n3 \xff\n", ", line 2: found the byte 0xff at position 3 of the line"),
    ],
)
def test_bad_adjacency_lists(tmp_path, content, expected):
    path = tmp_path / "train.txt"
    path.write_bytes(content)
    assert complaint(path).startswith(expected)


def test_adjacency_lists_have_no_weights(tmp_path):
    path = tmp_path / "train.txt"
    path.write_text("1 2\n")
    assert "an adjacency list, which has no weights or times" in complaint(
        path, columns=Columns(threshold=3)
    )


def test_unknown_ids_are_named_by_line(tmp_path):
    path = tmp_path / "train.txt"
    path.write_text("0 1\n\n\n1 1 7\n")
    message = complaint(path, users=Ids.numbered(2), items=Ids.numbered(2))
    assert message == (
        ", line 4, column item_id: found the unknown id '7'; expected an id of the given ids"
    )
    path = tmp_path / "test.csv"
    path.write_text("user_id,item_id\n0,1\n\n5,1\n")
    message = complaint(path, users=Ids.numbered(2), items=Ids.numbered(2))
    assert message.startswith(", line 4, column user_id: found the unknown id '5'")


@pytest.mark.slow
def test_rows_of_typed_files_are_counted_as_rows(tmp_path):
    path = tmp_path / "events.parquet"
    pl.DataFrame({"user_id": [1, None], "item_id": [1, 2]}).write_parquet(path)
    assert complaint(path).startswith(", row 2, column user_id: found a missing id")
    pl.DataFrame({"user_id": [1, 2], "item_id": [1.0, 2.0]}).write_parquet(path)
    assert complaint(path).startswith(", column item_id: found ids of type Float64; expected str")
    pl.DataFrame({"usr_id": [1, 2], "item_id": [1, 2]}).write_parquet(path)
    assert complaint(path).endswith("expected a column 'user_id' (did you mean 'usr_id'?)")


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["parquet", "arrow"])
def test_damaged_typed_files(tmp_path, suffix):
    path = tmp_path / f"events.{suffix}"
    frame = pl.DataFrame({"user_id": range(1000), "item_id": range(1000)})
    frame.write_parquet(path) if suffix == "parquet" else frame.write_ipc(path)
    whole = path.read_bytes()
    kind = "Parquet" if suffix == "parquet" else "Arrow IPC"
    path.write_bytes(whole[: len(whole) // 2])
    assert complaint(path).startswith(f": found a truncated {kind} file (it ends with b")
    path.write_bytes(b"user_id,item_id\n1,2\n")
    assert complaint(path).startswith(f": found no {kind} file (it begins with b'user")
    path.write_bytes(b"")
    assert complaint(path) == f": found an empty file; expected a {kind} file"
    middle = bytearray(whole)
    middle[8:-8] = b"\xff" * len(middle[8:-8])
    path.write_bytes(middle)
    assert complaint(path).startswith(f": found a damaged {kind} file (")


@pytest.mark.slow
def test_a_parser_that_panics_prints_nothing(tmp_path, capfd):
    path = tmp_path / "events.arrow"
    frame = pl.DataFrame({"user_id": range(200), "item_id": range(200)})
    frame.write_ipc(path, compression="lz4")
    whole = path.read_bytes()
    rng = random.Random(0)
    for _ in range(100):  # each is met by a process of its own first
        damaged = bytearray(whole)
        for _ in range(3):
            damaged[rng.randrange(6, len(whole) - 6)] = rng.randrange(256)
        path.write_bytes(damaged)
        with suppress(DataError):
            read(path)
    assert capfd.readouterr() == ("", "")


def test_what_others_write_to_standard_error_is_passed_on(capfd):
    with unprinted_panics():
        os.write(2, b"a line\n")
    assert capfd.readouterr().err == "a line\n"
    with unprinted_panics():
        os.write(2, b"thread 'x' panicked at range.rs\n")
    assert capfd.readouterr().err == ""


def test_files_that_are_not_there(tmp_path):
    (tmp_path / "events.csv").write_text(HEAD)
    assert complaint(tmp_path / "event.csv") == (
        ": found no such file; expected an existing file (did you mean 'events.csv'?)"
    )
    nowhere = tmp_path / "no" / "x.csv"
    assert f"(there is no folder {nowhere.parent} either)" in complaint(nowhere)


def test_a_folder_without_tables(tmp_path):
    (tmp_path / "notes.md").write_text("")
    (tmp_path / "_SUCCESS.csv").write_text("")
    message = complaint(tmp_path)
    assert message == ": found a folder without a file of data in it; expected one or more"


def test_unknown_formats(tmp_path):
    path = tmp_path / "events.xlsx"
    path.write_text("")
    message = complaint(path)
    assert message.startswith(": found the suffix '.xlsx'; expected one of .csv, .tsv")
    assert ".parquet" in message
    message = complaint(path, format="cvs")
    assert message == ", format: found 'cvs'; expected 'csv'"


@pytest.mark.slow
@pytest.mark.parametrize("kind", [pl.List(pl.Int64), pl.Struct({"a": pl.Int64}), pl.Duration])
def test_titles_are_of_a_type_that_has_text(tmp_path, kind):
    path = tmp_path / "items.parquet"
    pl.DataFrame({"id": [1], "title": pl.Series([None], dtype=kind)}).write_parquet(path)
    with pytest.raises(DataError, match="column title: found values of type"):
        read_titles(path)


def test_a_header_with_a_field_that_is_too_long(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(f'user_id,item_id,{"x" * 140_000}\n"a",1,2\n')
    assert complaint(path).startswith(", line 1: found a field of more than 131,072 characters")


def test_titles_need_their_columns(tmp_path):
    path = tmp_path / "items.csv"
    path.write_text("id,year\n1,1990\n")
    with pytest.raises(
        DataError, match="found the columns id, year; expected a column with 'title"
    ):
        read_titles(path)
    with pytest.raises(DataError, match="found the columns id, year; expected a column 'label'"):
        read_titles(path, title_column="label")
    path.write_text("id,title\n1,x\n,y\n")
    with pytest.raises(DataError, match="line 3, column id: found a missing id"):
        read_titles(path)


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.inter"])
def test_a_first_line_that_is_one_long_field(tmp_path, name):
    path = tmp_path / name
    path.write_text("A" * 200_000 + "\nu1,i1\n", "utf-8")
    assert complaint(path).startswith(", line 1: found a field of more than 131,072 characters")
