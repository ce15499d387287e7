"""Killed at a file operation: the same command again is accepted and leaves nothing over."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from command import COLUMNS, QUICK

pytestmark = [pytest.mark.posix, pytest.mark.slow]


def points(watched, which, *commands):
    watched.parent.mkdir()
    script = Path(__file__).with_name("killed.py")
    arguments = [str(watched), which, json.dumps([[str(x) for x in each] for each in commands])]
    done = subprocess.run(
        [sys.executable, str(script), *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) >= 4
    for each in found:
        assert each["killed"] == -9, each
        assert each["code"] == 0, each
        assert "Traceback" not in each["said"], each
    return found


def test_fit(events, tmp_path):
    out = tmp_path / "home" / "m"
    command = ["fit", events, "-o", out, *COLUMNS, *QUICK, "--set", "checkpoint_every=1"]
    found = points(out, "8::16", command, command)
    assert {each["resumed"] for each in found} == {True, False}
    assert any("train" in each["at"] for each in found), "a point in the final save"
    for each in found:
        kinds = [Path(name).name.split("-")[0] for name in each["there"]]
        assert sorted(kinds) == [
            "items", "log.jsonl", "manifest.json", "report.html",
            "tables", "test", "train", "users", "validation",
        ], each  # fmt: skip


def test_data_split(events, tmp_path):
    out = tmp_path / "home" / "parts"
    command = ["data", "split", events, "-o", out, *COLUMNS]
    for each in points(out, "-1::-5", command, command):
        names = ("split.json", "test.parquet", "train.parquet", "validation.parquet")
        assert each["there"] == [f"parts/{name}" for name in names], each


def test_recommend(model, tmp_path):
    out = tmp_path / "home" / "lists.csv"
    command = ["recommend", model, "--all", "-o", out]
    for each in points(out, "::5", command, command):
        assert each["there"] == ["lists.csv"], each


def test_compare(events, tmp_path):
    data = tmp_path / "data.csv"
    head, rest = events.read_text("utf-8").split("\n", 1)
    assert head.count(",") == 2
    data.write_text("user_id,item_id,when\n" + rest, "utf-8")
    out = tmp_path / "home" / "c"
    command = ["compare", data, "--methods", "popularity,bpr", "--seeds", "1", "-o", out]
    command += ["--threads", "1", *QUICK[:4], "--set", "dim=8", "--set", "checkpoint_every=1"]
    for each in points(out, "7::23", command, command):
        shown = [name for name in each["there"] if not name.startswith("c/runs/")]
        tables = ["c/comparison.json", "c/comparison.md", "c/comparison.tex"]
        assert shown == [*tables, "c/report.html"], each
        kinds = sorted(Path(name).suffix for name in set(each["there"]) - set(shown))
        assert kinds == [".json", ".json", ".safetensors", ".safetensors"], each
