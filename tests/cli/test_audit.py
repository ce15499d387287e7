"""``data audit``, and validation drawn like test, from the command line."""

from __future__ import annotations

import json

import pytest
from command import COLUMNS, QUICK, assert_refused, fullrank

TIMES = ("--timestamp-column", "when")


def test_the_audit_is_tables_and_a_verdict(events, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    run = fullrank("data", "audit", events, *COLUMNS, *TIMES, "--threads", "1")
    assert run.code == 0, run.err
    assert max(map(len, run.out.splitlines())) <= 80
    text = " ".join(run.out.split())
    assert "by popularity of the items" in text
    assert "by activity of the users" in text
    assert "ndcg@20 (rank)" in text
    assert "test is drawn like train by popularity" in text
    assert "a model is trained on what follows" in text
    found = fullrank("data", "audit", events, *COLUMNS, *TIMES, "--quick", "--json").json
    assert set(found["parts"]) == {"validation", "test"}
    assert found["alike"] is True
    assert found["worth"] is None
    assert found["parts"]["test"]["order_in_time"]["later"] == pytest.approx(0.5, abs=0.1)


def test_the_audit_of_a_split_by_time(events):
    run = fullrank("data", "audit", events, *COLUMNS, *TIMES, "--split", "time", "--quick")
    assert "test lies after train in time (100% of pairs" in " ".join(run.out.split())


def test_what_cannot_be_audited(events):
    run = fullrank("data", "audit", events, *COLUMNS, "--holdout", 0, "--validation", 0)
    assert_refused(run, "no validation and no test part")


@pytest.mark.slow
def test_validation_like_test_is_said_in_every_report(events, tmp_path):
    out = tmp_path / "m"
    fit = fullrank("fit", events, "-o", out, *COLUMNS, *QUICK, "--validation-like", "test")
    assert fit.code == 0, fit.err
    told = "validation is drawn with the test part's share by popularity"
    assert told in " ".join(fit.out.split())
    assert "test is drawn like train by popularity" in fit.out
    again = fullrank("evaluate", out)
    assert told in " ".join(again.out.split())
    document = fullrank("evaluate", out, "--json").json
    stored = json.loads((out / "manifest.json").read_text("utf-8"))
    assert document["protocol"]["split"]["validation_like"] == "test"
    assert document["protocol"]["audit"] == stored["metrics"]["protocol"]["audit"]
    assert document["intervals"] == stored["metrics"]["intervals"]
    low, high = document["intervals"]["ndcg@20"]
    assert low < document["metrics"]["ndcg@20"] < high
    assert f"[{low:.4f}, {high:.4f}]" in again.out


@pytest.mark.slow
def test_validation_by_time(events, tmp_path):
    out = tmp_path / "parts"
    run = fullrank(
        "data", "split", events, "-o", out, *COLUMNS, *TIMES, "--validation-like", "time", "--json"
    )
    assert run.code == 0, run.err
    assert run.json["how"]["validation_like"] == "time"
    audit = fullrank("data", "audit", out, "--quick", "--json").json
    assert audit["parts"]["validation"]["order_in_time"]["later"] == 1
    assert audit["parts"]["test"]["order_in_time"]["later"] < 0.8
    refused = fullrank("fit", events, "-o", tmp_path / "m", *COLUMNS, "--validation-like", "time")
    assert_refused(refused, "no timestamps")
    refused = fullrank("fit", events, "-o", tmp_path / "m", *COLUMNS, "--validation-like", "tset")
    assert_refused(refused, "'tset'", "'test'")


@pytest.mark.slow
def test_a_comparison_says_how_its_parts_were_drawn(events, tmp_path):
    options = ("--methods", "popularity,itemknn", "--seeds", "2", "-o", tmp_path / "c")
    run = fullrank("compare", events, *COLUMNS, *options, "--validation-like", "test")
    assert run.code == 0, run.err
    text = " ".join(run.out.split())
    assert "two-sided" in text
    assert "test is drawn like train by popularity" in text
    document = json.loads((tmp_path / "c" / "comparison.json").read_text("utf-8"))
    assert document["split"]["validation_like"] == "test"
    assert document["tests"].keys() == document["tests_one_tailed"].keys()
    one = fullrank("compare", events, *COLUMNS, *options, "--one-tailed")
    assert "blind to the choice of the best" in " ".join(one.out.split())


@pytest.mark.slow
def test_a_search_over_several_divisions(events, tmp_path):
    options = ("--method", "itemknn", "--trials", "1", "-o", tmp_path / "t", "--repeats", "3")
    run = fullrank("tune", events, *COLUMNS, *options)
    assert run.code == 0, run.err
    assert "the mean over 3 divisions (0." in " ".join(run.out.split())
    summary = json.loads((tmp_path / "t" / "summary.json").read_text("utf-8"))
    assert summary["repeats"] == len(summary["values"]) == 3


@pytest.mark.slow
def test_a_printed_evaluation_has_the_line(model):
    from fullrank import Recommender

    found = Recommender.load(model).evaluate()
    assert repr(found).splitlines()[-1] == found.protocol["audit"]["line"]
