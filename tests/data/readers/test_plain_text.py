"""Quotes, line ends, blank lines and packed files: read rightly, or refused by line."""

import gzip

import pytest

from fullrank.data import Columns, read
from fullrank.data.readers import packed
from fullrank.errors import DataError

HEAD = "user_id,item_id,title\n"


def pairs(path, **arguments):
    frame = read(path, **arguments).to_frame()
    return set(zip(frame["user_id"], frame["item_id"], strict=True))


def written(tmp_path, text, name="events.csv"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def refused(path, match, **arguments):
    with pytest.raises(DataError, match=match) as caught:
        read(path, **arguments)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500 + len(str(path))


def test_one_stray_quote_is_named_by_its_line(tmp_path):
    rows = [f"u{n},i{n},t{n}\n" for n in range(20_000)]
    rows[7] = 'u7,i7,"t7\n'
    path = written(tmp_path, HEAD + "".join(rows))
    refused(path, r"line 9: found .*a quote that is not closed")
    assert len(read(path, columns=Columns(quotes=False))) == 20_000


@pytest.mark.parametrize("column", [0, 1, 2])
@pytest.mark.parametrize("apart", [1, 2, 3000])
def test_two_stray_quotes_swallow_no_rows(tmp_path, apart, column):
    rows = [["u", "i", "t"] for _ in range(6000)]
    rows[7][column] = '"' + rows[7][column]
    rows[7 + apart][column] += '"'
    path = written(tmp_path, HEAD + "".join(",".join(row) + "\n" for row in rows))
    refused(path, f"line 9: found a quoted field up to line {9 + apart}")


def test_a_quote_inside_a_field_is_a_character(tmp_path):
    path = written(tmp_path, HEAD + 'u1,i1,5" disc\nu2,i2,x\nu3,i3,12" disc\n')
    assert pairs(path) == {("u1", "i1"), ("u2", "i2"), ("u3", "i3")}
    path = written(tmp_path, HEAD + 'u1,i"1,x\n\nu2,i2\nu3,i3,x,y\n')
    refused(path, r"line 5: found 4 fields; expected 3")


def test_text_with_line_ends_stays_one_field(tmp_path):
    review = '"Good.\nNot, as they say, bad ""at all"".\n\nThe end"'
    path = written(tmp_path, HEAD + f"u1,i1,{review}\nu2,i2,x\nu3,,x\n")
    refused(path, r"line 7, column item_id: found a missing id")
    path = written(tmp_path, HEAD + f'u1,i1,{review}\n"a\nb","c,d",x\n')
    assert pairs(path) == {("u1", "i1"), ("a\nb", "c,d")}


def test_a_quoted_field_closed_inside_is_refused(tmp_path):
    refused(written(tmp_path, HEAD + 'u1,i1,x\nu1,"i"2,x\n'), "line 3: found a quote .*--no-quotes")


@pytest.mark.parametrize("end", ["\r", "\r\n", "\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_line_ends(tmp_path, end, mark, quote):
    rows = ["user_id,item_id", f"{quote}a{quote},1", "b,2", "b,3"]
    assert pairs(written(tmp_path, mark + end.join(rows))) == {("a", "1"), ("b", "2"), ("b", "3")}


def test_a_return_inside_a_line_is_refused(tmp_path):
    refused(
        written(tmp_path, "user_id,item_id\na,1\nb,2\rb,3\n"), "line 3: found a carriage return"
    )
    path = written(tmp_path, 'user_id,item_id\n"a",1\nb,2\rb,3\n')
    refused(path, "line 3: found a carriage return")
    refused(written(tmp_path, "user_id,item_id\nb\r,2\n"), "line 2: found a carriage return")
    refused(written(tmp_path, 'user_id,item_id\n"a",2\nb\r,2\n'), "line 3: found a carriage ret")
    refused(written(tmp_path, 'user\r_id,item_id\n"a",2\n'), "line 1: found a carriage return")
    refused(written(tmp_path, "user_id,item_id\na,2\r\r\n"), "line 2: found a carriage return")
    path = tmp_path / "u.data"  # where quotes are plain characters, none can be around one
    path.write_bytes(b'"1"\t2\t3\t4\n5\t6\t7\t\r8\n')
    refused(path, "line 2: found a carriage return")


@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize("blanks", ["\n", "  \n", "\n  \n", "\r\n\r\n"])
def test_lines_are_counted_with_the_blank_ones(tmp_path, blanks, quote):
    n = blanks.count("\n")
    text = f"{blanks}user_id,item_id\n{blanks}{quote}a{quote},1\n{blanks}b,\n"
    path = written(tmp_path, text)
    refused(path, f"line {3 * n + 3}, column item_id: found a missing id")
    assert pairs(written(tmp_path, text.replace("b,", "b,2"))) == {("a", "1"), ("b", "2")}


def test_a_row_of_empty_fields_is_no_blank_line(tmp_path):
    refused(written(tmp_path, "user_id,item_id\na,1\n,\n"), "line 3, column user_id")


def test_names_in_the_header_lose_their_blanks(tmp_path):
    assert pairs(written(tmp_path, "user_id , item_id\na,1\n")) == {("a", "1")}
    path = written(tmp_path, "user_id:token\t item_id:token \na\t1\n", "x.inter")
    assert pairs(path) == {("a", "1")}


def test_a_column_that_is_needed_stands_there_once(tmp_path):
    refused(written(tmp_path, "user_id,item_id,item_id\na,1,2\n"), "found 2 columns 'item_id'")
    assert pairs(written(tmp_path, "user_id,item_id,x,x\na,1,2,3\n")) == {("a", "1")}


@pytest.mark.parametrize("name", ["x.csv.gz", "x.txt.gz", "x.data.gz", "x.inter.gz"])
def test_damaged_gzip_files(tmp_path, name):
    packed = gzip.compress(b"user_id,item_id\n" + b"a,1\n" * 9000)
    for damaged in (packed[:-9], packed[:20], packed[:30] + b"\xff\xff" + packed[32:]):
        refused(written(tmp_path, damaged, name), "found a damaged gzip file")
    wrong_sum = packed[:-8] + b"\0\0\0\0" + packed[-4:]
    refused(written(tmp_path, wrong_sum, name), "found a damaged gzip file")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.txt.gz", "a 1 2\nb 1\n"),
        ("x.inter.gz", "user_id:token\titem_id:token\na\t1\na\t2\nb\t1\n"),
        ("u.data.gz", "a\t1\t3\t881250949\na\t2\t3\t881250949\nb\t1\t3\t881250949\n"),
        ("ratings.dat.gz", "a::1::3::881250949\na::2::3::881250949\nb::1::3::881250949\n"),
    ],
)
def test_packed_text(tmp_path, name, text):
    path = written(tmp_path, gzip.compress(text.encode()), name)
    assert pairs(path) == {("a", "1"), ("a", "2"), ("b", "1")}


@pytest.mark.parametrize("name", ["events[1].csv", "e*.csv", "e?.tsv", "[e].csv.gz", "e[1].txt"])
def test_a_path_is_no_pattern(tmp_path, name):
    for other in ("events1.csv", "events.csv", "ex.tsv", "e.csv.gz", "e1.txt"):
        written(tmp_path, "user_id,item_id\nother,1\n", other)
    tab = "\t" if "tsv" in name else ","
    text = "a 1\n" if "txt" in name else f"user_id{tab}item_id\na{tab}1\n"
    path = written(tmp_path, gzip.compress(text.encode()) if "gz" in name else text, name)
    assert pairs(path) == {("a", "1")}


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["parquet", "arrow"])
def test_a_path_of_a_typed_file_is_no_pattern(tmp_path, suffix, events):
    path, other = tmp_path / f"e[1].{suffix}", tmp_path / f"e1.{suffix}"
    for where, frame in ((path, events), (other, events.head(1))):
        frame.write_parquet(where) if suffix == "parquet" else frame.write_ipc(where)
    assert len(read(path)) == 6
    other.unlink()
    assert len(read(path)) == 6


@pytest.mark.parametrize("name", ["a.txt", "a.csv"])
def test_text_that_begins_as_a_zlib_pack_does(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"x\x01user_id,item_id\n1,2\n")
    with pytest.raises(DataError):
        read(path)


@pytest.mark.parametrize("first", ["\x0b", "\t\t", "\u2003"])
def test_a_first_line_of_other_blanks_is_a_header(tmp_path, first):
    path = tmp_path / "a.tsv"
    path.write_text(f"\n{first}\nuser_id\titem_id\n1\t2\n")
    with pytest.raises(DataError, match="expected a column 'user_id'"):
        read(path)


def test_a_packed_file_beyond_the_memory_is_refused_before_it_is_whole(tmp_path, monkeypatch):
    path = tmp_path / "events.csv.gz"
    path.write_bytes(gzip.compress(b"user_id,item_id\n" + b"a,x\n" * 10**6))
    monkeypatch.setattr(packed, "available_memory", lambda: 2**20)
    monkeypatch.setattr(packed, "BLOCK", 2**16)
    with pytest.raises(DataError, match=r"more than 0\.\d MiB in a packed file of 0\.0 MiB"):
        read(path)
    monkeypatch.setattr(packed, "available_memory", lambda: None)
    assert len(read(path)) == 1
