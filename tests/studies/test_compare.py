"""Comparisons: what is in the table, and going on after a kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from fullrank import DataError, SettingError
from fullrank.data import Split
from fullrank.studies.compare import compare, entries_of
from fullrank.studies.comparison import Comparison
from fullrank.studies.runs import Run
from fullrank.studies.tables import as_latex, as_markdown, certain, plain_rows

QUICK = {"dim": 8, "batch_size": 64, "epochs": 3}


def done(small, folder, names=("popularity", "bpr", "bpr@lightgcn"), **more):
    entries = entries_of(names, "small", QUICK)
    return compare(small, entries, range(2), folder, k=(5, 10), **more)


@pytest.mark.slow
def test_the_table_holds_what_the_runs_said(small, tmp_path):
    lines = []
    made = done(small, tmp_path, log=lines.append)
    assert len(lines) == 6
    assert list(made.runs) == ["popularity", "bpr", "bpr@lightgcn"]
    values = made.values("bpr", "ndcg@10")
    assert len(values) == 2
    assert made.mean("bpr", "ndcg@10") == pytest.approx(np.mean(values))
    assert made.deviation("bpr", "ndcg@10") == pytest.approx(np.std(values, ddof=1))
    assert made.deviation("popularity", "ndcg@10") == 0
    document = json.loads(json.dumps(made.to_dict()))
    assert document["methods"]["bpr"]["parameters"]["mean"] == 320 * 8
    best = made.ranked("ndcg@10")[0]
    assert set(document["tests"]["ndcg@10"]) == set(made.runs) - {best}
    assert document["methods"]["bpr"]["effective_rank"]["mean"] <= 8
    shown = ["ndcg@5", "ndcg@10"]
    markdown = as_markdown(made, shown)
    assert f"**{made.mean(best, 'ndcg@10'):.4f} ±" in markdown
    assert r"\textbf" in as_latex(made, shown)
    assert [row[0] for row in plain_rows(made, shown)] == list(made.runs)


@pytest.mark.slow
def test_finished_runs_are_not_made_again(small, tmp_path):
    first = done(small, tmp_path)
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").iterdir()}
    lines = []
    again = done(small, tmp_path, log=lines.append)
    assert all(line.endswith("(from before)") for line in lines)
    assert again.to_dict() == first.to_dict()
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").iterdir()} == files


def test_other_settings_are_other_runs(small, tmp_path):
    done(small, tmp_path, names=("bpr",))
    lines = []
    entries = entries_of(("bpr",), "small", QUICK | {"lr": 1.0})
    compare(small, entries, range(2), tmp_path, k=(5, 10), log=lines.append)
    assert not any("from before" in line for line in lines)


def test_a_method_that_fails_is_logged_and_left_out(small, tmp_path):
    entries = entries_of(("popularity", "bpr"), "small", QUICK | {"lr": 1e30})
    made = compare(small, entries, range(2), tmp_path)
    assert list(made.runs) == ["popularity"]
    assert "finite" in made.errors["bpr"]


@pytest.mark.parametrize(
    ("names", "values", "words"),
    [
        (("bprr",), {}, "method: found 'bprr'; expected 'bpr'"),
        (("bpr", "bpr"), {}, "a name twice"),
        (("bpr",), {"tau": 2.0}, "found 'tau'; expected a setting of one of the methods"),
        (("bpr",), {"dim": 0}, "setting dim"),
    ],
)
def test_bad_comparisons(names, values, words):
    with pytest.raises(SettingError, match=words):
        entries_of(names, "small", values)


def test_without_a_test_part_there_is_nothing_to_compare(small, tmp_path):
    split = Split("small", small.train, small.validation, None)
    with pytest.raises(DataError, match="no test part"):
        compare(split, entries_of(("bpr",), "small", QUICK), [0], tmp_path)


@pytest.mark.slow
@pytest.mark.posix
def test_a_killed_comparison_goes_on(small, tmp_path):
    """Killed in the middle of a run: what was finished stays, the run goes on or starts again."""
    path = tmp_path / "data.csv"
    small.train.to_frame().write_csv(path)
    command = [
        str(Path(sys.executable).with_name("fullrank")),
        "compare",
        str(path),
        "-o",
        str(tmp_path / "c"),
    ]
    command += ["--methods", "popularity,itemknn,bpr,directspec+", "--seeds", "2"]
    command += ["--set", "epochs=200", "--set", "validate_every=200", "--json"]
    started = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    runs = tmp_path / "c" / "runs"
    until = time.monotonic() + 60
    while time.monotonic() < until and len(list(runs.glob("*.json"))) < 5:
        time.sleep(0.01)
    os.kill(started.pid, signal.SIGKILL)
    started.communicate()
    kept = {path.name for path in runs.glob("*.json")}
    assert 5 <= len(kept) < 8
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    assert finished.stderr.count("(from before)") == len(kept)
    document = json.loads(finished.stdout)
    assert set(document["methods"]) == {"popularity", "itemknn", "bpr", "directspec+"}
    assert {path.name for path in runs.glob("*.json")} > kept
    assert not list(runs.glob("*.checkpoint"))
    # As if the kill had come after a run was written and before its checkpoint was gone.
    next(runs.glob("bpr-0-*.json")).with_suffix(".checkpoint").touch()
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    assert not list(runs.glob("*.checkpoint"))


@pytest.mark.parametrize(("users", "tested"), [(1, False), (2, True)])
def test_one_user_is_no_test_over_users(users, tested):
    values = {"low": np.array([0.2, 0.3]), "high": np.array([0.4, 0.4])}
    runs = {
        label: [
            Run({"ndcg@10": each[:users].mean() + seed}, {"ndcg@10": each[:users] + seed}, {})
            for seed in range(2)
        ]
        for label, each in values.items()
    }
    made = Comparison("data", "print", "standard", [0, 1], runs, {})
    for found in (made.tests("ndcg@10"), made.tests_one_tailed("ndcg@10")):
        assert (found["low"]["users"] is not None) is tested
        assert found["low"]["seeds"] is not None
    assert not certain(made, "ndcg@10")
    assert (made.interval("high", "ndcg@10") is not None) is tested
    assert "high" in as_markdown(made, ["ndcg@10"])
    assert made.to_dict()["tests"]["ndcg@10"] == made.tests("ndcg@10")
