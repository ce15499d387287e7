"""Every command where folders or files have names that are not UTF-8."""

from __future__ import annotations

import gzip
import os
import sys

import numpy as np
import polars as pl
import pytest
import torch
from command import QUICK, fullrank
from safetensors.numpy import save

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
ODD = os.fsdecode(b"caf\xe9")
SHORT = ("--set", "epochs=2", "--set", "batch_size=64", "--dim", "8", "--threads", "1")


@pytest.fixture(params=["folder", "files"])
def name(request, tmp_path):
    """Makes paths whose folder is odd, or whose last part is."""
    folder = tmp_path / (ODD if request.param == "folder" else "plain")
    folder.mkdir()
    odd = ODD if request.param == "files" else ""
    return lambda rest: folder / f"{odd}{rest}"


@pytest.fixture
def events(name):
    rng = np.random.default_rng(0)
    pairs = np.unique(rng.integers(0, 40, (500, 2)), axis=0)
    frame = pl.DataFrame(
        {
            "user_id": [f"u{user}" for user, _ in pairs],
            "item_id": [f"i{item}" for _, item in pairs],
            "timestamp": range(len(pairs)),
        }
    )
    text = frame.write_csv().encode()
    name("e.csv").write_bytes(text)
    name("z.csv.gz").write_bytes(gzip.compress(text))
    lists = frame.group_by("user_id", maintain_order=True).agg("item_id")
    lines = [" ".join([user, *items]) for user, items in lists.iter_rows()]
    name("e.txt").write_text("\n".join(lines))
    for suffix, write in ((".parquet", "write_parquet"), (".arrow", "write_ipc")):
        with name(f"e{suffix}").open("wb") as file:
            getattr(frame, write)(file)
    return name("e.csv")


def well(*arguments):
    run = fullrank(*arguments)
    assert run.code == 0, run.err
    return run


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["e.csv", "z.csv.gz", "e.txt", "e.parquet", "e.arrow"])
def test_tables(events, name, suffix):
    told = well("data", "describe", name(suffix), "--json").json
    assert told["interactions"] == well("data", "describe", events, "--json").json["interactions"]


@pytest.mark.slow
def test_models_and_what_is_asked_of_them(events, name):
    for method in ("bpr", "allpass"):
        settings = QUICK if method == "bpr" else ()
        well("fit", events, "-o", name(method), "--method", method, *settings)
    model = name("bpr")
    for suffix in ("csv", "parquet", "jsonl"):
        well("recommend", model, "--all", "-o", name(f"lists.{suffix}"))
        assert name(f"lists.{suffix}").stat().st_size
    well("recommend", model, "--fold-in", events, "-o", name("folded.csv"))
    well("evaluate", model, name("e.parquet"))
    well("similar", model, "--item", "i1")
    well("inspect", model)


@pytest.mark.slow
def test_checkpoints(events, name):
    """A search with its checkpoints, as they are written and read."""
    command = ["fit", events, "-o", name("m"), "--method", "directspec+", *SHORT]
    well(*command, "--set", "checkpoint_every=1")
    assert not name("m").joinpath("checkpoint.safetensors").exists()


@pytest.mark.slow
def test_splits_comparisons_and_studies(events, name):
    well("data", "split", events, "-o", name("parts"))
    well("fit", name("parts"), "-o", name("p"), "--method", "popularity")
    well("data", "audit", name("parts"), "--quick")
    for _ in range(2):
        command = ["compare", events, "--methods", "popularity,itemknn", "--seeds", "1"]
        well(*command, "-o", name("comparison"))
    well("tune", events, "--method", "itemknn", "-o", name("study"), "--trials", "1")


@pytest.mark.slow
def test_embeddings(name):
    table = np.random.default_rng(0).random((50, 8))
    with name("e.parquet").open("wb") as file:
        pl.DataFrame(table).write_parquet(file)
    with name("e.npy").open("wb") as file:
        np.save(file, table)
    name("e.safetensors").write_bytes(save({"a": table}))
    with name("e.pt").open("wb") as file:
        torch.save({"a": torch.from_numpy(table)}, file)
    with name("e.npz").open("wb") as file:
        np.savez(file, a=table)
    name("e.fvecs").write_bytes(
        b"".join(b"\x08\0\0\0" + row.astype("<f4").tobytes() for row in table)
    )
    told = {
        suffix: str(well("inspect", name(f"e.{suffix}"), "--json").json)
        for suffix in ("parquet", "npy", "safetensors", "pt", "npz", "fvecs")
    }
    assert all("effective_rank" in each for each in told.values())
