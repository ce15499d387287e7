"""``fullrank reproduce``: the list, bad input in one line, and what is said on the way."""

from __future__ import annotations

import pytest
from command import fullrank

from fullrank.lab import reproduce as lab
from fullrank.lab.registry import EXPERIMENTS


def test_without_an_id_the_experiments_are_listed():
    run = fullrank("reproduce", "--json")
    assert run.code == 0
    assert [row["id"] for row in run.json["experiments"]] == list(EXPERIMENTS)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["figure-99"], "experiment: found 'figure-99'; expected 'figure-9'"),
        (["figure-8", "--data", "nowhere"], "data set 'nowhere': found no such name; expected"),
    ],
)
def test_bad_input_is_one_line(tmp_path, options, said):
    run = fullrank("reproduce", *options, "-o", tmp_path / "out")
    assert run.code == 2
    assert said in run.err.strip().splitlines()[-1]
    assert "Traceback" not in run.err


@pytest.mark.slow
def test_table_1_trains_nothing_and_writes_its_section(tmp_path, monkeypatch):
    monkeypatch.setattr("fullrank.lab.experiments.table_1.DRAWS", (3, 3))
    run = fullrank("reproduce", "table-1", "--quick", "-o", tmp_path)
    assert run.code == 0, run.err
    assert "wrote 1 section to" in run.out
    assert "9.75" in (tmp_path / "table-1.md").read_text("utf-8")
    assert (tmp_path / "README.md").is_file()


def test_a_stop_says_how_to_go_on(tmp_path, monkeypatch):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(lab, "_section", stopped)
    run = fullrank("reproduce", "table-3", "--data", "demo", "-o", tmp_path)
    assert run.code == 130
    assert "the same command goes on" in run.err
