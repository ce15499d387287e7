import gzip

import polars as pl
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

from fullrank import DataError, SettingError
from fullrank.data import Columns, Ids, Interactions, load, read, read_titles

TYPED = {
    "events.parquet": lambda frame, path: frame.write_parquet(path),
    "events.PQ": lambda frame, path: pa.parquet.write_table(frame.to_arrow(), path),
    "events.arrow": lambda frame, path: frame.write_ipc(path),
    "events.ipc": lambda frame, path: frame.write_ipc(path, compression="zstd"),
    "events.feather": lambda frame, path: pa.feather.write_feather(frame.to_arrow(), path),
}
TEXT = {
    "events.csv": lambda frame, path: frame.write_csv(path),
    "events.CSV": lambda frame, path: frame.write_csv(path, line_terminator="\r\n"),
    "events.tsv": lambda frame, path: frame.write_csv(path, separator="\t"),
    "events.csv.gz": lambda frame, path: path.write_bytes(
        gzip.compress(frame.write_csv().encode())
    ),
    "events.tsv.gz": lambda frame, path: path.write_bytes(
        gzip.compress(frame.write_csv(separator="\t").encode())
    ),
    "events.inter": lambda frame, path: frame.rename(
        {
            name: f"{name}:{kind}"
            for name, kind in zip(frame.columns, ("token", "token", "float", "float"), strict=True)
        }
    ).write_csv(path, separator="\t"),
}


@pytest.mark.parametrize("name", [*TYPED, *TEXT])
def test_every_format_gives_the_table_of_the_frame(tmp_path, events, cells, name):
    path = tmp_path / name
    (TYPED | TEXT)[name](events.with_columns(more=pl.lit("x")) if name in TYPED else events, path)
    data, known = read(path), Interactions.from_frame(events)
    assert cells(data) == cells(known)
    assert data.fingerprint == known.fingerprint
    assert data.merged == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", TYPED)
def test_typed_files_keep_the_type_of_ids(tmp_path, name):
    path = tmp_path / name
    TYPED[name](pl.DataFrame({"user_id": [7, 8], "item_id": ["007", "7"]}), path)
    data = read(path)
    assert data.users.values.dtype == pl.Int64
    assert data.items.values.to_list() == ["7", "007"]


def test_ids_in_text_stay_strings(tmp_path):
    path = tmp_path / "events.csv"
    path.write_text("item_id,user_id\n007,1\n7,1\n7.0,2\n NA,2\n")
    data = read(path)
    assert data.users.values.dtype == pl.String
    assert data.items.values.to_list() == ["7", " NA", "007", "7.0"]


def test_columns_are_chosen_and_named_by_the_caller(tmp_path, cells):
    path = tmp_path / "log.csv"
    path.write_text('when,song,who,stars\n2024-01-01,"a, b",x,5\n2024-01-02,c,x,2\n')
    columns = Columns(user="who", item="song", weight="stars", timestamp="when", threshold=3)
    assert cells(read(path, columns=columns)) == {("x", "a, b"): (None, 1_704_067_200_000_000)}


def test_blank_lines_and_a_byte_order_mark_are_passed_over(tmp_path, cells):
    path = tmp_path / "events.csv"
    path.write_bytes(b"\xef\xbb\xbfuser_id,item_id\r\na,1\r\n\r\nb,2\r\n\r\n\r\n")
    assert set(cells(read(path))) == {("a", "1"), ("b", "2")}


def test_recbole_ratings_are_weights_only_if_asked_for(tmp_path, cells):
    path = tmp_path / "x.inter"
    path.write_text(
        'user_id:token\titem_id:token\trating:float\ttimestamp:float\n1\t"q\t4\t9.5\n2\tb\t2\t3\n'
    )
    assert cells(read(path)) == {("1", '"q'): (None, 9.5), ("2", "b"): (None, 3.0)}
    rated = read(path, columns=Columns(weight="rating", threshold=3))
    assert list(cells(rated)) == [("1", '"q')]


def test_adjacency_lists(tmp_path, cells):
    path = tmp_path / "train.txt"
    path.write_text("0 3 1\n\n2\n1\t1 1\r\n0 5  \n")
    data = read(path)
    assert list(cells(data)) == [("0", "1"), ("0", "3"), ("0", "5"), ("1", "1")]
    assert data.users.values.to_list() == ["0", "1", "2"]
    assert data.items.values.to_list() == ["1", "3", "5"]
    assert data.merged == 1


def test_given_ids_number_the_rows(tmp_path):
    path = tmp_path / "train.txt"
    path.write_text("1 2\n")
    data = read(path, users=Ids.numbered(3), items=Ids.numbered(4))
    assert data.indptr.tolist() == [0, 0, 1, 1]
    assert data.item_idx.tolist() == [2]


def test_the_format_can_be_named(tmp_path, cells):
    path = tmp_path / "events.log"
    path.write_text("user_id\titem_id\na\tb\n")
    assert list(cells(read(path, format="tsv"))) == [("a", "b")]
    path.write_text("a b\n")
    assert list(cells(read(str(path), format="adjacency"))) == [("a", "b")]


@pytest.mark.parametrize("first", ["movie_id:token", "item_id:token"])
def test_titles_of_a_recbole_file(tmp_path, first):
    path = tmp_path / "x.item"
    path.write_text(f'{first}\tmovie_title:token_seq\tyear:token\n2\t"Twelve", they said\t1957\n')
    table = read_titles(path)
    assert table.to_dicts() == [{"id": "2", "title": '"Twelve", they said'}]


@pytest.mark.slow
def test_titles_of_any_table_by_column(tmp_path):
    path = tmp_path / "items.parquet"
    pl.DataFrame({"id": [1], "label": ["one"]}).write_parquet(path)
    assert read_titles(path, title_column="label").to_dicts() == [{"id": 1, "title": "one"}]


@pytest.mark.parametrize(
    ("name", "text", "options"),
    [
        ("movies.dat", '1::"Heat" (1995)::Crime\n2::Up::Animation\n', {"separator": "::"}),
        ("movies.dat", '1::"Heat" (1995)::Crime\n2::Up::Animation\n', {}),
        ("u.item", '1|"Heat" (1995)|x\n2|Up|y\n', {"separator": "|", "quotes": False}),
        ("items.txt", '1|"""Heat"" (1995)"|x\n2|Up|y\n', {"separator": "|"}),
        ("items", '1\t"Heat" (1995)\tx\n2\tUp\ty\n', {"format": "tsv", "quotes": False}),
    ],
)
def test_titles_without_a_header_and_with_any_separator(tmp_path, name, text, options):
    path = tmp_path / name
    path.write_text(text)
    titles = read_titles(path, names=("item_id", "title", "_"), **options)
    assert titles.rows() == [("1", '"Heat" (1995)'), ("2", "Up")]


def test_titles_with_a_header_and_a_separator(tmp_path):
    path = tmp_path / "items.csv"
    path.write_text("sku_id;name\n7;a, b\n")
    assert read_titles(path, separator=";").rows() == [("7", "a, b")]
    with pytest.raises(SettingError, match="setting separator"):
        read_titles(path, separator='"')
    with pytest.raises(DataError, match=r"line 1: found 2 fields; expected 3: id,title,_"):
        read_titles(path, separator=";", names=("id", "title", "_"))
    path.with_suffix(".parquet").write_bytes(b"")
    with pytest.raises(DataError, match="a separator or names of columns for the format parquet"):
        read_titles(path.with_suffix(".parquet"), separator=";")


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "mine.csv").write_text("user_id,item_id\na,x\nb,y\n")
    assert len(read("~/mine.csv")) == 2
    assert load("~/mine.csv", test=0, validation=0).train.n_users == 2
