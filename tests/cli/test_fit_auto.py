"""``fullrank fit --method auto``: the leaderboard in print and JSON, and what is refused."""

from __future__ import annotations

import json

import pytest
from command import COLUMNS, assert_refused, fullrank

from fullrank.portfolio.contest import Contest
from fullrank.portfolio.entries import Entry

AUTO = (*COLUMNS, "--method", "auto", "--threads", "1")


@pytest.fixture(autouse=True)
def _closed_forms(monkeypatch):
    """Three methods do: the portfolio has its own tests."""
    few = (Entry("popularity"), Entry("itemknn"), Entry("ease", {"ridge": (60.0, 1000.0)}))
    monkeypatch.setitem(Contest.__init__.__kwdefaults__, "entries", few)


def test_from_a_csv_to_the_leaderboard(events, tmp_path):
    run = fullrank("fit", events, "-o", tmp_path / "m", *AUTO, "--budget", "2m")
    assert run.code == 0, run.err
    assert "trying popularity: validation ndcg@20 0." in run.err
    assert "is the best on the validation part, in 0 s of 120" in run.out
    for name in ("popularity", "itemknn", "ease", "validation ndcg@20", "memory", "trials"):
        assert name in run.out
    assert "protocol standard" in run.out
    assert fullrank("recommend", tmp_path / "m", "--user", "0017", "-k", 3).code == 0
    assert not (tmp_path / "m" / "checkpoint.safetensors").exists()


def test_the_leaderboard_is_in_json_and_manifest(events, tmp_path):
    run = fullrank("fit", events, "-o", tmp_path / "m", *AUTO, "--json")
    auto = run.json["training"]["auto"]
    manifest = json.loads((tmp_path / "m" / "manifest.json").read_text())
    assert manifest["training"]["auto"] == auto
    assert run.json["method"] == manifest["method"] == auto["won"]
    assert {"popularity", "ease"} <= {line["method"] for line in auto["leaderboard"]}
    assert auto["budget"] == 600


def test_what_is_refused(events, tmp_path):
    out = tmp_path / "m"
    run = fullrank("fit", events, "-o", out, *AUTO, "--budget", "soon")
    assert_refused(run, "setting budget", "'soon'", "90s, 10m or 1h")
    run = fullrank("fit", events, "-o", out, *COLUMNS, "--method", "ease", "--budget", "1m")
    assert_refused(run, "setting budget", "no such name")
    run = fullrank("fit", events, "-o", out, *AUTO, "--dim", 8)
    assert_refused(run, "setting dim", "no such name")
    run = fullrank("fit", events, "-o", out, *AUTO, "--resume")
    assert_refused(run, "no checkpoint")
    run = fullrank("fit", events, "-o", out, *AUTO, "--preset", "published")
    assert_refused(run, "preset published", "found auto on")
    assert not out.exists()


def test_without_a_validation_part_one_line_says_so(events, tmp_path):
    run = fullrank("fit", events, "-o", tmp_path / "m", *AUTO, "--validation", 0)
    assert run.code == 2
    assert "method auto: found no validation part; expected one to choose by" in run.err
    assert "Traceback" not in run.err


def test_ctrl_c_keeps_nothing_and_says_so(events, tmp_path, monkeypatch):
    def interrupted(self, name, method):
        raise KeyboardInterrupt

    monkeypatch.setattr(Contest, "_part", interrupted)
    run = fullrank("fit", events, "-o", tmp_path / "m", *AUTO)
    assert run.code == 130
    assert "interrupted: nothing kept" in run.err
    assert not (tmp_path / "m" / "manifest.json").exists()
