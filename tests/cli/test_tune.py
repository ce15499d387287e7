from __future__ import annotations

import json
import shlex
import sys

import pytest
from command import COLUMNS, fullrank

import fullrank as fr
from fullrank.methods import METHODS


@pytest.mark.slow
def test_tune_writes_summary_and_plot(events, tmp_path):
    data, out = tmp_path / "data.csv", tmp_path / "tuned"
    text = events.read_text("utf-8").split("\n", 1)
    data.write_text("user_id,item_id,when\n" + text[1], "utf-8")
    fixed = [f"--set={name}" for name in ("dim=8", "batch_size=64", "epochs=4", "validate_every=2")]
    command = ("tune", data, "--method", "bpr", "-o", out, "--threads", "1", *fixed)
    run = fullrank(*command, "--trials", "3")
    assert run.code == 0, run.err
    assert "best of 3 trials: validation ndcg@20 0." in run.out
    assert "--set lr=" in run.out
    assert run.err.count("trial ") == 3
    summary = json.loads((out / "summary.json").read_text())
    assert summary["trials"] == 3
    assert (out / "study.png").read_bytes().startswith(b"\x89PNG")
    more = fullrank(*command, "--trials", "4", "--json")
    assert more.json["trials"] == 4
    assert more.err.count("trial ") == 1


@pytest.mark.slow
def test_the_next_command_reports_on_the_part_that_the_search_had_not(events, tmp_path):
    out = tmp_path / "tuned"
    fixed = ("--set", "epochs=2", "--set", "dim=4", "--set", "seed=5", "--threads", "1")
    options = (*COLUMNS, "--method", "bpr", "--trials", "1", "--seed", "3", "-o", out, *fixed)
    run = fullrank("tune", events, *options)
    assert run.code == 0, run.err
    following = shlex.split(run.out.strip().splitlines()[-1])
    assert following[:2] == ["fullrank", "fit"]
    assert following[-2:] == ["-o", "model"]
    fitted = fullrank(*following[1:-1], tmp_path / "model", "--no-report", "--threads", "1")
    assert fitted.code == 0, fitted.err
    held = fr.Recommender.load(tmp_path / "model").test
    names = fr.data.Columns(user="Customer No", item="SKU")
    split = fr.data.load(str(events), test=0.2, validation=0.1, seed=3, columns=names)
    assert held.fingerprint == split.test.fingerprint


@pytest.mark.slow
def test_the_next_command_runs_whatever_the_search_was_like(events, tmp_path):
    """With a method of one's own, and with validation drawn in another way."""
    own = tmp_path / "my own.py"
    own.write_text(
        "from fullrank.methods import METHODS, add_method\n"
        "class Mine(METHODS['itemknn']):\n    name = 'mine'\nadd_method(Mine)\n",
        "utf-8",
    )
    how = (*COLUMNS, "--method", "mine", "--trials", "1", "--validation-like", "test")
    run = fullrank("tune", events, *how, "--import", own, "-o", tmp_path / "tuned")
    assert run.code == 0, run.err
    following = shlex.split(run.out.strip().splitlines()[-1])
    assert following[following.index("--import") + 1] == str(own)
    del METHODS["mine"]  # as in a process of its own
    for name in [name for name in sys.modules if name.startswith("fullrank_own.")]:
        del sys.modules[name]
    fitted = fullrank(*following[1:-1], tmp_path / "model", "--no-report")
    del METHODS["mine"]
    assert fitted.code == 0, fitted.err
    other = fullrank("tune", events, *COLUMNS, "--method", "itemknn", "--trials", "1", "-o",
                     tmp_path / "other")  # fmt: skip
    assert "--import" not in other.out


@pytest.mark.slow
def test_methods_without_epochs_from_the_command_line(events, tmp_path):
    out = tmp_path / "knn"
    run = fullrank("fit", events, "-o", out, *COLUMNS, "--method", "itemknn")
    assert run.code == 0, run.err
    assert "ndcg" in run.out
    assert "found no embeddings" in " ".join(run.out.split())
    assert fullrank("recommend", out, "--user", "001", "-k", "3").code == 0
    inspected = fullrank("inspect", out)
    assert inspected.code == 2
    assert inspected.err.startswith("error: ")


@pytest.mark.slow
def test_an_encoder_by_option(events, tmp_path):
    options = ("--set", "epochs=2", "--set", "batch_size=64", "--dim", "16", "--threads", "1")
    graph = ("--encoder", "lightgcn", "--propagation", "factored", "--rank", "9")
    run = fullrank("fit", events, "-o", tmp_path / "m", *COLUMNS, *options, *graph, "--json")
    assert run.code == 0, run.err
    settings = run.json["settings"]
    assert (settings["encoder"], settings["propagation"]) == ("lightgcn", "factored")
    assert settings["rank"] == 9
