"""Each format is read to the same table, a damaged one is one line, and nothing in a file runs."""

from __future__ import annotations

import os
import struct
import zipfile

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.torch import save_file

from fullrank import DataError
from fullrank.diagnosis import Table
from fullrank.diagnosis.formats import READERS, read_tables

TABLE = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)


def words(path, table, header=True, ending=b"\n"):
    lines = [b"%d %d" % table.shape] if header else []
    word = b"two words%d " if header else b"word%d "
    lines += [
        word % at + b" ".join(repr(float(x)).encode() for x in row) for at, row in enumerate(table)
    ]
    path.write_bytes(ending.join(lines) + ending)


def binary(path, table, newline=b"\n"):
    rows = [b"w%d " % at + row.astype("<f4").tobytes() for at, row in enumerate(table)]
    path.write_bytes(b"%d %d\n" % table.shape + newline.join(rows) + newline)


def fvecs(path, table):
    path.write_bytes(b"".join(struct.pack("<i", len(r)) + r.astype("<f4").tobytes() for r in table))


WRITERS = {
    "c.npy": lambda path: np.save(path, TABLE),
    "fortran.npy": lambda path: np.save(path, np.asfortranarray(TABLE)),
    "big-endian.npy": lambda path: np.save(path, TABLE.astype(">f8")),
    "x.npz": lambda path: np.savez(path, x=TABLE, label=np.arange(3)),
    "compressed.npz": lambda path: np.savez_compressed(path, x=TABLE),
    "x.safetensors": lambda path: save_file({"x": torch.from_numpy(TABLE)}, path),
    "x.parquet": lambda path: pl.DataFrame(TABLE).write_parquet(path),
    "bare.pt": lambda path: torch.save(torch.from_numpy(TABLE), path),
    "state.pth": lambda path: torch.save(
        {"model": {"x.weight": torch.from_numpy(TABLE), "bias": torch.zeros(3)}, "epoch": 3}, path
    ),
    "parameter.pt": lambda path: torch.save(
        [torch.nn.Parameter(torch.from_numpy(TABLE.copy()))], path
    ),
    "x.vec": lambda path: words(path, TABLE),
    "glove.txt": lambda path: words(path, TABLE, header=False),
    "windows.txt": lambda path: words(path, TABLE, ending=b"\r\n"),
    "x.bin": lambda path: binary(path, TABLE),
    "packed.bin": lambda path: binary(path, TABLE, newline=b""),
    "x.fvecs": lambda path: fvecs(path, TABLE),
}


def test_every_format_is_written_here():
    assert {name[name.index(".") :] for name in WRITERS} == set(READERS)


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("rows", [7, 60, 1000])
def test_each_format_is_the_table(name, rows, tmp_path):
    WRITERS[name](tmp_path / name)
    (table,) = read_tables(tmp_path / name)
    assert (table.rows, table.width) == TABLE.shape
    blocks = list(table.read(rows))
    assert [len(block) for block in blocks[:-1]] == [rows] * (len(blocks) - 1)
    np.testing.assert_allclose(torch.cat(blocks), TABLE, rtol=1e-6)
    np.testing.assert_allclose(table.whole(), TABLE, rtol=1e-6)  # and once more


def test_names_and_narrow_types(tmp_path):
    halves = {"users": torch.from_numpy(TABLE).bfloat16(), "items": torch.ones(9, 3).half()}
    save_file(halves, tmp_path / "x.safetensors")
    torch.save({"side": halves}, tmp_path / "x.pt")
    np.savez(tmp_path / "x.npz", users=TABLE.astype(np.int16), items=TABLE[:9])
    for name, names in (
        ("x.safetensors", {"users", "items"}),
        ("x.pt", {"side.users", "side.items"}),
        ("x.npz", {"users", "items"}),
    ):
        tables = {each.name: each for each in read_tables(tmp_path / name)}
        assert set(tables) == names
        users = next(each for name, each in tables.items() if "users" in name)
        expected = halves["users"].float() if ".npz" not in name else TABLE.astype(np.int16)
        np.testing.assert_array_equal(users.whole(), expected)


class Runs:
    """A pickle that makes a folder when it is read as one."""

    def __init__(self, proof):
        self.proof = proof

    def __reduce__(self):
        return os.mkdir, (self.proof,)


def test_a_pickle_never_runs(tmp_path):
    proof = tmp_path / "proof"
    for name, content in (
        ("lone.pt", Runs(str(proof))),
        ("inside.pt", {"w": torch.ones(3, 3), "x": Runs(str(proof))}),
    ):
        torch.save(content, tmp_path / name)
        with pytest.raises(DataError, match="objects beside tensors"):
            read_tables(tmp_path / name)
        assert not proof.exists()
    with np.errstate(all="ignore"):
        objects = np.array([[Runs(str(proof))] * 2] * 3, dtype=object)
    np.savez(tmp_path / "x.npz", x=objects)
    with pytest.raises(DataError, match="pickled objects"):
        read_tables(tmp_path / "x.npz")
    assert not proof.exists()


def refused(path, content, *words):
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        [list(table.blocks()) for table in read_tables(path)]
    line = str(caught.value)
    assert "\n" not in line
    assert line.startswith(str(path))
    for word in words:
        assert word in line, line


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_cut_short_is_one_line(name, tmp_path):
    WRITERS[name](tmp_path / name)
    whole = (tmp_path / name).read_bytes()
    half = len(whole) // 2 + 1
    if name == "glove.txt":
        lengths = [0]  # without a count, half of it is a shorter table
    elif path_is_text(name):
        lengths = [0, 3, half]  # less its last bytes, its last number is another
    else:
        lengths = [0, 3, half, len(whole) - 3]
    for left in lengths:
        refused(tmp_path / name, whole[:left])


def path_is_text(name):
    return name.endswith((".vec", ".txt"))


def test_what_is_wrong_is_said(tmp_path):
    def path(name):
        return tmp_path / name

    refused(
        path("x.fvecs"), struct.pack("<iff", 2, 1, 2) * 3 + struct.pack("<iff", 3, 1, 2), "row 3"
    )
    refused(path("x.fvecs"), struct.pack("<if", -1, 1), "-1")
    refused(path("x.vec"), b"3 2\na 1 2\nb 3 4\n", "line 1", "3 rows", "2")
    refused(path("x.vec"), b"2 2\na 1 2\nb 3\n", "line 3", "1 numbers")
    refused(path("x.vec"), b"2 2\na 1 2\nb 3 x\n", "line 3", "no numbers")
    refused(path("x.txt"), b"\n", "line 1")
    refused(path("x.bin"), b"99999999 64\nabc", "99999999")
    refused(path("x.bin"), struct.pack("<ii", 793712314, 12), "no line of two counts")
    refused(path("x.bin"), b"2 1\na \0\0\0\0" + b"b" * 20, "row 1", "no blank")
    refused(path("x.pt"), b"\x80\x02.", "no archive")
    refused(path("x.csv"), b"1,2", "'.csv'")
    np.savez(path("y.npz"), flat=np.ones(4))
    refused(path("y.npz"), path("y.npz").read_bytes(), "flat (4,)")
    torch.save({"bias": torch.zeros(5)}, path("y.pt"))
    refused(path("y.pt"), path("y.pt").read_bytes(), "bias (5,)")
    torch.save(torch.ones(3, 3).to_sparse(), path("y.pt"))
    refused(path("y.pt"), path("y.pt").read_bytes())
    torch.save(torch.ones(1, 3).expand(10**9, 3), path("y.pt"))
    refused(path("y.pt"), path("y.pt").read_bytes(), "does not hold")
    torch.save(torch.ones(3, 3, dtype=torch.complex64), path("y.pt"))
    refused(path("y.pt"), path("y.pt").read_bytes(), "complex")


def test_an_archive_that_promises_too_much(tmp_path):
    head = b"\x93NUMPY\x01\x00"
    text = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000, 64), }\n"
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("x.npy", head + struct.pack("<H", len(text)) + text + bytes(64))
    with pytest.raises(DataError, match="damaged"):
        read_tables(tmp_path / "x.npz")


def test_blocks_are_small_whatever_the_width():
    wide = Table.of(torch.ones(3000, 20_000))
    assert max(len(block) for block in wide.blocks()) * 20_000 * 8 <= 2**25
    assert sum(map(len, wide.blocks())) == 3000
    assert list(Table.of(torch.ones(0, 4)).blocks()) == []


ROWS = range(len(TABLE))
FLOATS = {f"d{at}": TABLE[:, at] for at in range(TABLE.shape[1])}
LISTS = pl.Series(TABLE.tolist(), dtype=pl.List(pl.Float32))
HISTORY = [[at] * (at % 3 + 1) for at in ROWS]


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        ({"id": ROWS, "tags": [["a"] for _ in ROWS], **FLOATS}, [""]),
        ({"id": ROWS, "history": HISTORY, **FLOATS}, [""]),
        ({"id": ROWS, "history": HISTORY, "emb": LISTS}, [""]),
        ({"lat": TABLE[:, 0], "lon": TABLE[:, 1], "emb": LISTS, "tags": HISTORY}, [""]),
        ({"id": ROWS, "score": TABLE[:, 0], "emb": LISTS}, [""]),
        ({"lat": TABLE[:, 0], "lon": TABLE[:, 1], "user": LISTS, "item": LISTS}, ["user", "item"]),
    ],
    ids=["tags", "history", "both lists", "floats and lists", "a score", "two tables"],
)
def test_a_parquet_file_is_its_embeddings_whatever_stands_beside_them(tmp_path, columns, names):
    pl.DataFrame(columns).write_parquet(tmp_path / "x.parquet")
    found = read_tables(tmp_path / "x.parquet")
    assert [each.name for each in found] == names
    for each in found:
        np.testing.assert_array_equal(each.whole().numpy(), TABLE)


@pytest.mark.slow
def test_a_quantised_list_beside_a_score_is_the_table(tmp_path):
    small = (100 * TABLE).astype(np.int8)
    columns = {"id": ROWS, "score": TABLE[:, 0], "emb": small.tolist()}
    pl.DataFrame(columns).write_parquet(tmp_path / "x.parquet")
    (found,) = read_tables(tmp_path / "x.parquet")
    np.testing.assert_array_equal(found.whole().numpy(), small)
