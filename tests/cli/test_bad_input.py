"""Bad input is one clear line, exit code 2, and nothing half-written."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import polars as pl
import pytest
import torch
from command import COLUMNS, QUICK, assert_refused, fullrank
from safetensors.torch import save_file

from fullrank.cli import inspect
from fullrank.errors import DataError

GOOD = "user_id,item_id\na,x\nb,y\n"
TABLES = [
    ("missing column", "x.csv", b"user_id,thing\na,x\n", ["x.csv", "thing", "item_id"]),
    ("near name", "x.csv", b"user_id,itemid\na,x\n", ["x.csv", "'itemid'"]),
    ("empty", "x.csv", b"", ["x.csv", "empty"]),
    ("header only", "x.csv", b"user_id,item_id\n", ["x.csv", "expected"]),
    ("truncated parquet", "x.parquet", b"PAR1 and then nothing", ["x.parquet", "Parquet"]),
    ("not utf-8", "x.csv", b"user_id,item_id\na,x\n\xff\xfe,y\n", ["x.csv", "line 3", "UTF-8"]),
    ("ragged adjacency", "x.txt", b"0 1 2\n1 x 3\n\n2 ,\n", ["x.txt"]),
    ("negative weight", "x.csv", b"user_id,item_id,weight\na,x,1\nb,y,-2\n", ["line 3", "-2"]),
    ("nan weight", "x.csv", b"user_id,item_id,weight\na,x,nan\n", ["line 2", "weight"]),
    ("null id", "x.csv", b"user_id,item_id\na,x\n,y\n", ["line 3", "user_id"]),
    ("too many fields", "x.csv", b"user_id,item_id\na,x\na,y,z\n", ["line 3"]),
    ("unknown suffix", "x.docx", b"hello", [".docx", ".csv"]),
]


@pytest.mark.parametrize(("name", "file", "content", "words"), TABLES, ids=[t[0] for t in TABLES])
def test_tables(tmp_path, name, file, content, words):
    if name == "ragged adjacency":
        content = b"0 1 2\n1\t,3\n"
        words = ["x.txt", "line 2"]
    (tmp_path / file).write_bytes(content)
    run = fullrank("fit", tmp_path / file, "-o", tmp_path / "m", "--epochs", 1)
    assert_refused(run, *words)
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nosuchdata",), ["nosuchdata", "path"]),
        (("cite-ulike",), ["'citeulike'"]),
        (("missing.csv",), ["missing.csv", "no such file"]),
        (("demo", "--method", "bprr"), ["'bpr'"]),
        (("demo", "--set", "alhpa=1"), ["'alpha'"]),
        (("demo", "--set", "alpha"), ["key=value"]),
        (("demo", "--set", "tau_near=2"), ["tau_design = graph"]),
        (("demo", "--preset", "publshed"), ["'published'"]),
        (("demo", "--preset", "published"), ["directspec+ on citeulike"]),
        (("demo", "--split", "tme"), ["'time'"]),
        (("demo", "--holdout", "1.5"), ["1.5"]),
        (("demo", "--epochs", "-1"), ["epochs"]),
        (("demo", "--resume"), ["checkpoint"]),
    ],
)
def test_wishes(tmp_path, arguments, words):
    run = fullrank("fit", *arguments, "-o", tmp_path / "m", cwd=tmp_path)
    assert_refused(run, *words)
    assert not (tmp_path / "m").exists()


def test_somebody_elses_folder_is_left_alone(events, tmp_path):
    (tmp_path / "thesis.tex").write_text("ten years")
    assert_refused(fullrank("fit", events, "-o", tmp_path, *COLUMNS), "thesis.tex")
    assert_refused(fullrank("demo", "-o", tmp_path), "thesis.tex")
    assert_refused(fullrank("fit", events, "-o", tmp_path / "thesis.tex", *COLUMNS), "a file")


@pytest.mark.slow
def test_unknown_ids(model):
    nobody = fullrank("recommend", model, "--user", "nobody", "--strict")
    assert_refused(nobody, "'nobody'", "fold_in")
    assert_refused(fullrank("similar", model, "--item", "nothing"), "'nothing'")
    assert_refused(fullrank("evaluate", model, "--k", "10,x"), "'10,x'")
    assert_refused(fullrank("evaluate", model, "--protocol", "standrad"), "'standard'")
    assert_refused(fullrank("evaluate", model, "--metrics", "ndgc"), "'ndcg'")
    assert_refused(fullrank("recommend", model, "--all", "-o", "x.docx"), ".parquet")


def test_damaged_models(model, tmp_path):
    import shutil

    for damage in ("missing", "truncated", "tampered"):
        folder = tmp_path / damage
        shutil.copytree(model, folder)
        name = json.loads((folder / "manifest.json").read_text())["files"]["tables"]["file"]
        path = folder / name
        content = bytearray(path.read_bytes())
        if damage == "missing":
            path.unlink()
        elif damage == "truncated":
            path.write_bytes(content[:100])
        else:
            content[-1] ^= 1
            path.write_bytes(content)
        assert_refused(fullrank("recommend", folder, "--user", "0017"), name)
    assert_refused(fullrank("inspect", tmp_path / "none"), "no such file")
    assert_refused(fullrank("evaluate", tmp_path / "none"), "no such folder")


@pytest.mark.slow
def test_bad_embedding_tables(tmp_path):
    def refused(file, *words):
        assert_refused(fullrank("inspect", tmp_path / file), file, *words)

    table = np.random.default_rng(0).normal(size=(20, 4))
    holed = table.copy()
    holed[7, 2] = np.nan
    np.save(tmp_path / "nan.npy", holed)
    np.save(tmp_path / "one.npy", table[:, :1])
    np.save(tmp_path / "wide.npy", table.T)
    np.save(tmp_path / "flat.npy", table.ravel())
    np.save(tmp_path / "text.npy", np.array([["a", "b"]]))
    np.save(tmp_path / "objects.npy", np.array([{}, []], dtype=object), allow_pickle=True)
    (tmp_path / "cut.npy").write_bytes((tmp_path / "nan.npy").read_bytes()[:200])
    (tmp_path / "cut.safetensors").write_bytes(b"\x10\x00")
    save_file({"bias": torch.zeros(5)}, tmp_path / "flat.safetensors")
    pl.DataFrame({"name": ["a"]}).write_parquet(tmp_path / "words.parquet")
    (tmp_path / "cut.parquet").write_bytes(b"PAR1")
    refused("nan.npy", "row 7", "NaN")
    refused("one.npy", "1 column")
    refused("wide.npy", "4 rows and 20 columns")
    refused("flat.npy", "1 dimensions")
    refused("text.npy", "<U1")
    refused("objects.npy", "pickled objects")
    refused("cut.npy", "damaged")
    refused("cut.safetensors", "damaged")
    refused("flat.safetensors", "(5,)")
    refused("words.parquet", "name")
    refused("cut.parquet", "damaged")


HEADERS = (
    "(",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775808, 2)}",
    "{'descr': '<f999999999999', 'fortran_order': False, 'shape': (2, 2)}",
    "{1: 2, 'a': 3}",
    "[" * 9000,
)


@pytest.mark.parametrize("header", HEADERS, ids=range(len(HEADERS)))
def test_npy_headers_that_are_none(tmp_path, header):
    path = tmp_path / "header.npy"
    text = header.encode() + b"\n"
    size = len(text).to_bytes(2, "little")
    path.write_bytes(b"\x93NUMPY\x01\x00" + size + text + bytes(32))
    with pytest.raises(DataError, match="found a damaged file"):
        inspect.run(path)


@pytest.mark.slow
def test_lists_without_numbers_are_no_embeddings(tmp_path):
    path = tmp_path / "lists.parquet"
    for rows in ([], [[], []], [None, None]):
        column = pl.Series(rows, dtype=pl.List(pl.Float32))
        pl.DataFrame({"v": column}).write_parquet(path)
        with pytest.raises(DataError, match="found no numbers in column v"):
            inspect.run(path)


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775808, 0), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (60, 8.0), }",
        "(" * 3000,
        "(",
        "[" * 9000,
        "-" * 9000 + "1",
    ],
    ids=lambda header: header[-30:-20] or header,
)
def test_a_header_that_is_no_header(tmp_path, header):
    """numpy evaluates it as a literal of Python, in which anything may go wrong."""
    text = header.encode() + b"\n"
    begin = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little")
    (tmp_path / "odd.npy").write_bytes(begin + text + bytes(1920))
    run = fullrank("inspect", tmp_path / "odd.npy")
    assert_refused(run, "odd.npy", "damaged", "numeric array")


FULL = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
import torch, polars
from fullrank.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
main()
"""


@pytest.mark.slow
@pytest.mark.posix
def test_a_full_disk_leaves_the_old_model_whole(model, events, tmp_path):
    """A limit on the size of files makes writes fail as a full disk does."""
    import shutil

    folder = tmp_path / "m"
    shutil.copytree(model, folder)
    before = {p.name: p.read_bytes() for p in folder.iterdir() if p.name != "log.jsonl"}
    arguments = ["fit", events, "-o", folder, *COLUMNS, *QUICK, "--seed", "9"]
    done = subprocess.run(
        [sys.executable, "-c", FULL, *map(str, arguments)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "full disk" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert {p.name: p.read_bytes() for p in folder.iterdir() if p.name != "log.jsonl"} == before
    assert fullrank("recommend", folder, "--user", "0017").code == 0


@pytest.mark.parametrize(("command", "option"), [("recommend", "--user"), ("similar", "--item")])
def test_a_byte_that_is_no_text_is_an_unknown_id_in_one_line(model, command, option):
    run = fullrank(command, model, option, "caf\udce9")  # as Python reads the bytes of Latin-1
    assert_refused(run, "caf")
