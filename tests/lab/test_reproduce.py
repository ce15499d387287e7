"""From ids to files: pictures, JSON, Markdown, and the page that joins them."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from fullrank.errors import SettingError
from fullrank.lab.registry import EXPERIMENTS
from fullrank.lab.report import cell, compact, panel_of, plain, redraw
from fullrank.lab.reproduce import Asked, experiments_named, reproduce
from fullrank.lab.scope import data_for
from fullrank.pictures import Bar, Bars

DATA = ("citeulike", "yelp")
"""Names that have paper's numbers and presets; the data behind them is generated."""


def test_unknown_ids_are_refused_in_a_line():
    with pytest.raises(SettingError, match="experiment: found 'figure-99'; expected"):
        experiments_named(["figure-2", "figure-99"])
    assert [each.id for each in experiments_named(["all"])] == list(EXPERIMENTS)


def test_ids_are_in_the_order_of_registration_and_say_where_they_are_from():
    for name, experiment in EXPERIMENTS.items():
        assert name == experiment.id
        assert experiment.source
        assert experiment.claim
        assert experiment.cost


def test_stand_ins_where_files_are_missing(monkeypatch, tmp_path):
    monkeypatch.setenv("FULLRANK_DATA", str(tmp_path))
    monkeypatch.setenv("FULLRANK_CACHE", str(tmp_path))
    assert data_for(("yelp",), ()) == ("yelp-sparse", "yelp2018")
    assert data_for(("yelp",), ("demo",)) == ("demo",)


def made(folder, splits, ids, **asked):
    asked = {"data": DATA[:1], "quick": True, "most_epochs": 2} | asked
    return reproduce(ids, folder, Asked(**asked), splits=splits)


@pytest.mark.slow
def test_a_section_has_its_four_files_and_the_page_has_it(tmp_path, splits):
    (section,) = made(tmp_path, splits, ["figure-8"])
    document = json.loads((tmp_path / "figure-8-citeulike.json").read_text("utf-8"))
    assert document["headline"] == section["headline"]
    assert document["command"].startswith("fullrank reproduce figure-8 --data citeulike")
    assert document["settings"]["BPR"]["epochs"] == 2
    assert document["versions"]["kernels"]
    assert document["panels"][0]["lines"][0]["x"] == [0, 1, 2]
    page = (tmp_path / "README.md").read_text("utf-8")
    assert section["headline"] in page
    assert "](figure-8-citeulike.svg)" in page
    svg = (tmp_path / "figure-8-citeulike.svg").read_text("utf-8")
    assert "prefers-color-scheme: dark" in svg
    assert (tmp_path / "figure-8-citeulike.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.slow
def test_pictures_are_drawn_anew_from_what_is_stored(tmp_path, splits):
    made(tmp_path, splits, ["figure-8"])
    before = (tmp_path / "figure-8-citeulike.svg").read_bytes()
    (tmp_path / "figure-8-citeulike.svg").unlink()
    assert redraw(tmp_path, ["figure-5", "figure-8"]) == ["figure-8-citeulike"]
    assert (tmp_path / "figure-8-citeulike.svg").read_bytes() == before
    bars = Bars("t", "x", [Bar("a", 0.5, 0.1, 0.4, "subject")])
    assert panel_of(json.loads(json.dumps(dataclasses.asdict(bars)))) == bars


@pytest.mark.slow
def test_two_figures_train_a_run_once(tmp_path, splits):
    made(tmp_path, splits, ["figure-8"])
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "runs").glob("*.json")}
    made(tmp_path, splits, ["figure-1"])  # of two runs that figure 8 has
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "runs").glob("*.json")}
    assert before == after


def test_cells_and_documents_are_plain():
    assert [cell(each, "{:.2f}") for each in (None, "x", 1234, 0.5)] == ["–", "x", "1,234", "0.50"]
    assert plain({"a": (float("nan"), 1 / 3)}) == {"a": [None, 0.3333333]}
    text = json.dumps({"a": [1, 2.5, None], "b": ["x", "[1"], "c": [{"d": []}]}, indent=1)
    assert json.loads(compact(text)) == json.loads(text)
    assert "[1, 2.5, null]" in compact(text)


def printed(paper) -> set[float]:
    """All numbers in what an experiment says that the paper prints, of the data sets asked for."""
    if isinstance(paper, float):
        return {paper}
    if isinstance(paper, dict):
        if set(paper) & {"citeulike", "yelp", "gowalla"}:
            paper = {name: paper[name] for name in paper if name in DATA}
        return {number for each in paper.values() for number in printed(each)}
    return {n for each in paper for n in printed(each)} if isinstance(paper, tuple) else set()


@pytest.mark.slow
def test_every_experiment_on_a_small_table_with_the_papers_numbers(tmp_path, splits):
    made(tmp_path, splits, ["all"], data=DATA)
    for name, experiment in EXPERIMENTS.items():
        files = sorted(tmp_path.glob(f"{name}-*.md")) + sorted(tmp_path.glob(f"{name}.md"))
        assert files, name
        text = "\n".join(path.read_text("utf-8") for path in files)
        shown = {float(each.replace(",", "")) for each in re.findall(r"\d[\d,]*\.?\d*", text)}
        missing = {each for each in printed(experiment.paper) if each not in shown}
        assert not missing, (name, missing)
        for path in files:
            document = json.loads(path.with_suffix(".json").read_text("utf-8"))
            assert document["headline"]
            assert document["numbers"] or name == "table-3"
            if document["panels"]:
                assert path.with_suffix(".png").is_file()


COMMAND = [
    sys.executable, "-m", "fullrank", "reproduce", "figure-8", "--data", "demo", "--quick",
    "--most-epochs", "8", "--threads", "1",
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.posix
def test_killed_once_and_continued(tmp_path):
    def run(folder):
        return [*COMMAND, "-o", str(folder)]

    subprocess.run(run(tmp_path / "whole"), check=True, capture_output=True)
    process = subprocess.Popen(run(tmp_path / "killed"), stderr=subprocess.DEVNULL)
    runs, until = tmp_path / "killed" / "runs", time.monotonic() + 120
    while not (list(runs.glob("*.json")) and list(runs.glob("*.checkpoint"))):
        assert process.poll() is None, "ended before it could be killed"
        assert time.monotonic() < until
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    finished = {path.name: path.read_bytes() for path in runs.glob("*.safetensors")}
    subprocess.run(run(tmp_path / "killed"), check=True, capture_output=True)
    assert not list(runs.glob("*.checkpoint"))
    assert all((runs / name).read_bytes() == content for name, content in finished.items())
    numbers = [
        json.loads((tmp_path / name / "figure-8-demo.json").read_text("utf-8"))["numbers"]
        for name in ("whole", "killed")
    ]
    assert numbers[0] == numbers[1]
