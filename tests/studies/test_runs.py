"""The files of a run: what is damaged is said and made anew."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from fullrank import DataError
from fullrank.data.stored_tables import write_table
from fullrank.studies.compare import compare, entries_of
from fullrank.studies.runs import Run, read_run, write_run


def made(small, folder):
    lines = []
    entries = entries_of(("popularity",), "small", {})
    done = compare(small, entries, [0], folder, k=(5,), log=lines.append)
    return done.to_dict(), lines


def cut(path):
    path.write_bytes(path.read_bytes()[:-20])


def another_figure(path):
    stored = json.loads(path.read_text())
    stored["metrics"]["ndcg@5"] += 0.1
    path.write_text(json.dumps(stored))


DAMAGE = {
    "half a document": (".json", cut),
    "no document": (".json", lambda path: path.write_text("")),
    "a list": (".json", lambda path: path.write_text("[]")),
    "deep": (".json", lambda path: path.write_text("[" * 100_000)),
    "no metrics": (".json", lambda path: path.write_text('{"metrics": {}, "metadata": {}}')),
    "no text": (".json", lambda path: path.write_bytes(b"\xff\xfe")),
    "another figure": (".json", another_figure),
    "half a table": (".safetensors", cut),
    "another table": (
        ".safetensors",
        lambda path: write_table(path, pl.DataFrame({"ndcg@5": [1.0]})),
    ),
    "no table": (".safetensors", lambda path: path.unlink()),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_run_is_made_anew_and_said(small, tmp_path, name):
    suffix, damage = DAMAGE[name]
    first, _ = made(small, tmp_path)
    (path,) = (tmp_path / "runs").glob(f"*{suffix}")
    damage(path)
    again, lines = made(small, tmp_path)
    assert lines[0] == f"{path}: found a damaged file; expected what `compare` wrote; made anew"
    assert len(lines) == 2
    assert again["methods"]["popularity"]["ndcg@5"] == first["methods"]["popularity"]["ndcg@5"]
    assert made(small, tmp_path)[1][0].endswith("(from before)")


def test_a_run_comes_back_as_it_was(tmp_path):
    run = Run({"ndcg@5": 0.1 + 0.2}, {"ndcg@5": np.array([0.1, 0.5])}, {"loss": None, "n": 3})
    write_run(tmp_path / "run", run, {"dims": (1, 2)})
    back = read_run(tmp_path / "run")
    assert (back.metrics, back.metadata) == (run.metrics, run.metadata)
    assert back.users["ndcg@5"].tolist() == [0.1, 0.5]
    document = tmp_path / "run.json"
    stored = json.loads(document.read_text())
    for name in ("sha256", "table_sha256"):
        del stored[name]
    document.write_text(json.dumps(stored))  # as it was before there were checksums
    assert read_run(tmp_path / "run").metrics == run.metrics
    write_table(tmp_path / "run.safetensors", pl.DataFrame({"ndcg@5": ["x"]}))
    with pytest.raises(DataError, match=r"run\.safetensors: found a damaged file"):
        read_run(tmp_path / "run")
