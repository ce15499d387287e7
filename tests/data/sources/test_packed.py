"""Packed text, newline-delimited JSON and standard input."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import sys
import zipfile

import polars as pl
import pytest
import zstandard
from command import QUICK, fullrank

from fullrank.data import Columns, generate, read
from fullrank.data.readers import packed
from fullrank.errors import DataError

TABLE = generate(60, 40, 900, seed=0, timestamps=True).to_frame()
CSV = TABLE.write_csv().encode()


def zipped(data: bytes, *names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names or ("t.csv",):
            archive.writestr(name, data)
    return file.getvalue()


PACK = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstandard.ZstdCompressor().compress,
    "zip": zipped,
}
EACH = pytest.mark.parametrize("suffix", PACK)


def ndjson() -> bytes:
    return "".join(json.dumps(row) + "\n" for row in TABLE.to_dicts()).encode()


@EACH
def test_packed_text_is_the_text(tmp_path, suffix):
    plain = tmp_path / "t.csv"
    plain.write_bytes(CSV)
    expected = read(plain).fingerprint
    for name, text in (("t.csv", CSV), ("t.jsonl", ndjson())):
        path = tmp_path / f"{name}.{suffix}"
        path.write_bytes(PACK[suffix](text))
        assert read(path).fingerprint == expected
    tabs = tmp_path / f"t.tsv.{suffix}"
    tabs.write_bytes(PACK[suffix](CSV.replace(b",", b"\t")))
    assert read(tabs).fingerprint == expected


@pytest.mark.parametrize("suffix", ["gz", "bz2", "xz", "zst"])
def test_streams_that_follow_one_another(tmp_path, suffix):
    path = tmp_path / f"t.csv.{suffix}"
    half = CSV.index(b"\n", len(CSV) // 2) + 1
    path.write_bytes(PACK[suffix](CSV[:half]) + PACK[suffix](CSV[half:]))
    assert len(read(path)) == len(TABLE)


@EACH
def test_truncated_and_damaged(tmp_path, suffix):
    path = tmp_path / f"t.csv.{suffix}"
    whole = PACK[suffix](CSV)
    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 0xFF
    for data in (whole[: len(whole) // 2], whole[:-5], bytes(damaged)):
        path.write_bytes(data)
        with pytest.raises(DataError) as caught:
            read(path)
        assert "\n" not in str(caught.value)
        assert str(caught.value).startswith(str(path))
        assert " found " in str(caught.value)


@EACH
def test_a_bomb_is_refused_before_it_is_whole(tmp_path, monkeypatch, suffix):
    path = tmp_path / f"t.csv.{suffix}"
    rows = 25 * 10**6 if suffix == "zst" else 10**6
    path.write_bytes(PACK[suffix](b"user_id,item_id\n" + b"a,x\n" * rows))
    monkeypatch.setattr(packed, "available_memory", lambda: 2**20)
    monkeypatch.setattr(packed, "BLOCK", 2**16)
    largest = 40 if suffix == "zst" else 1  # MiB: a decoder gives back all of what it was given
    with pytest.raises(DataError, match=r"found more than \d+.\d MiB in a packed file") as caught:
        read(path)
    assert float(str(caught.value).partition("more than ")[2].split()[0]) <= largest


def test_zip_files(tmp_path):
    path = tmp_path / "orders.zip"  # its file says the format
    path.write_bytes(zipped(CSV, "orders.csv", "__MACOSX/._orders.csv"))
    assert len(read(path)) == len(TABLE)
    path = tmp_path / "t.csv.zip"
    path.write_bytes(zipped(CSV, "a.csv", "b.csv"))
    with pytest.raises(DataError, match="found a zip file of 2 files; expected one of a single"):
        read(path)


def test_zstd_without_the_package(tmp_path, monkeypatch):
    path = tmp_path / "t.csv.zst"
    path.write_bytes(PACK["zst"](CSV))
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(DataError, match=r"expected pip install 'fullrank\[zst\]'"):
        read(path)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ": found an empty file; expected one JSON object a line"),
        ('{"user_id": 1, "item_id": 2}\n{"user_id": 1\n', ", line 2: found no JSON ("),
        ('{"user_id": 1, "item_id": 2}\n[1]\n', ", line 2: found '[1]'; expected one JSON"),
        ('{"user_id": "a", "item_id": "b"}\n\n{"item_id": "b"}\n', ", line 3, column user_id: fo"),
        ('{"user": "a", "item_id": "b"}\n', ": found the columns user, item_id; expected a col"),
        ('{"user_id": [1], "item_id": "b"}\n', ", column user_id: found ids of type List(Int64)"),
    ],
)
def test_json_lines_that_are_none(tmp_path, text, found):
    path = tmp_path / "t.ndjson"
    path.write_text(text)
    with pytest.raises(DataError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}{found}")


def test_json_keeps_the_types_of_ids(tmp_path):
    path = tmp_path / "t[1].jsonl"
    path.write_text('{"user_id": 7, "item_id": "007"}\n{"item_id": "7", "user_id": 8}\n')
    data = read(path)
    assert data.users.values.to_list() == [7, 8]
    assert data.items.values.to_list() == ["7", "007"]


class Stdin:
    def __init__(self, data: bytes) -> None:
        self.buffer = io.BytesIO(data)

    def isatty(self) -> bool:
        return False


def parquet() -> bytes:
    file = io.BytesIO()
    TABLE.write_parquet(file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "format_"),
    [(CSV, None), (gzip.compress(CSV), "csv"), (ndjson(), "ndjson"), (parquet(), "parquet")],
)
def test_standard_input(monkeypatch, tmp_path, data, format_):
    (tmp_path / "t.csv").write_bytes(CSV)
    monkeypatch.setattr(sys, "stdin", Stdin(data))
    got = read("-", columns=None if format_ is None else Columns(format=format_))
    assert got.fingerprint == read(tmp_path / "t.csv").fingerprint


def test_bad_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", Stdin(CSV + b"a\n"))
    with pytest.raises(DataError, match=r"^standard input, line 902, column item_id: found a miss"):
        read("-")
    monkeypatch.setattr(sys, "stdin", Stdin(b""))
    with pytest.raises(DataError, match=r"^standard input: found an empty file"):
        read("-")
    monkeypatch.setattr(sys, "stdin", Stdin(CSV))
    with pytest.raises(DataError, match=r"^standard input: found no Parquet file"):
        read("-", format="parquet")
    monkeypatch.setattr(sys, "stdin", Stdin(b"0 1\n"))
    with pytest.raises(DataError, match=r"^standard input: found lists of items; exp"):
        read("-", format="adjacency")


@pytest.mark.slow
def test_a_fit_on_standard_input(monkeypatch, tmp_path):
    out = tmp_path / "m"
    monkeypatch.setattr(sys, "stdin", Stdin(ndjson()))
    run = fullrank("fit", "-", "--format", "ndjson", "-o", out, "--method", "bpr", *QUICK)
    assert run.code == 0, run.err
    assert json.loads((out / "manifest.json").read_text())["data"]["name"] == "standard input"
    pl.DataFrame(TABLE[:50]).write_csv(tmp_path / "t.csv")
    monkeypatch.setattr(sys, "stdin", Stdin((tmp_path / "t.csv").read_bytes()))
    assert fullrank("evaluate", out, "-", "--json").code == 0


def test_a_zip_file_whose_one_file_has_no_name(tmp_path):
    path = tmp_path / "t.csv.zip"
    path.write_bytes(zipped(CSV, "a").replace(b"a", b"\0"))
    with pytest.raises(DataError, match="a damaged zip file"):
        read(path)
