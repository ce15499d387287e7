"""``fit --versions``, the gate's exit code, ``versions``, ``rollback`` and ``refit``."""

from __future__ import annotations

import json

import pytest
from command import QUICK, assert_refused, fullrank
from versioned import events

from fullrank import Recommender
from fullrank.cli.nightly import _unfinished, share_of
from fullrank.errors import SettingError
from fullrank.nightly import Versions

GATED = ("--unless-worse-than", "current")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("shop") / "events.csv"
    events(120, 40).write_csv(path)
    return path


def night(data, folder, *more):
    return fullrank("fit", data, "-o", folder, "--versions", "--no-report", *more)


@pytest.mark.slow
def test_two_nights_and_the_way_back(data, tmp_path):
    folder = tmp_path / "models"
    first = night(data, folder, "--method", "bpr", *QUICK, *GATED, "--start-from", "current")
    assert first.code == 0, first.err
    assert first.err.count("there is no version yet") == 2
    second = night(data, folder, "--method", "ease", *GATED, "--final", "--json")
    assert second.code == 0, second.err
    assert "taken" in second.err
    assert second.json["training"]["gate"]["passed"] is True
    versions = Versions(folder)
    old, new = versions.names()
    assert versions.current() == new
    assert second.json["model"] == str(folder / new)
    served = Recommender.load(folder / "current")
    assert served.method == "ease"
    assert len(served.train) == len(events(120, 40)), "--final is on everything"
    listed = fullrank("versions", folder, "--json").json
    assert listed["current"] == new
    assert [row["gate"] for row in listed["versions"]] == [None, "passed"]
    shown = fullrank("versions", folder).out
    assert all(name in shown for name in (old, new, "current", "passed", "ease", "bpr"))
    back = fullrank("rollback", folder)
    assert back.out.strip() == f"current is {old}; before it was {new}"
    assert fullrank("rollback", folder, "--to", new, "--json").json["current"] == new


@pytest.mark.slow
def test_a_worse_one_is_kept_beside_and_not_served(data, tmp_path):
    folder = tmp_path / "models"
    assert night(data, folder, "--method", "ease").code == 0
    old = Versions(folder).current()
    run = night(data, folder, "--method", "bpr", *QUICK, *GATED, "--tolerance", "2%", "--final")
    assert run.code == 3, run.err
    assert "worse by more than 2.0%, not taken" in run.err
    versions = Versions(folder)
    assert versions.current() == old
    worse = versions.names()[-1]
    assert versions.rejected(worse)
    assert "test" in versions.manifest(worse)["data"]["interactions"], "no last fit of a loser"
    assert night(data, folder, "--method", "ease", *GATED, "--keep", "1").code == 0
    assert Versions(folder).names()[0] == old, "the way back stays"
    assert worse not in Versions(folder).names()


@pytest.mark.slow
def test_without_versions_a_worse_one_is_not_saved(data, tmp_path):
    out = tmp_path / "model"
    assert fullrank("fit", data, "-o", out, "--method", "ease", "--no-report").code == 0
    before = (out / "manifest.json").read_bytes()
    gate = ("--unless-worse-than", out)
    run = fullrank("fit", data, "-o", out, "--method", "bpr", *QUICK, *gate)
    assert run.code == 3, run.err
    assert "no model was saved" in run.out
    assert (out / "manifest.json").read_bytes() == before
    assert (out / "report.html").exists() is False
    run = fullrank("fit", data, "-o", out, "--method", "bpr", *QUICK, *gate, "--tolerance", "99%")
    assert run.code == 0, run.err
    assert Recommender.load(out).method == "bpr"


def test_what_was_cut_is_gone_or_gone_on_from(data, tmp_path):
    folder = tmp_path / "models"
    assert night(data, folder, "--method", "ease").code == 0
    dead = folder / "2020-01-01T00-00-00"
    dead.mkdir()
    assert_refused(night(data, folder, "--method", "bpr", *QUICK, "--resume"), "was interrupted")
    run = night(data, folder, "--method", "ease")
    assert f"removed version {dead.name}, whose fit did not end" in run.err
    assert not dead.exists()
    assert len(Versions(folder).names()) == 2


@pytest.mark.slow
def test_a_current_version_that_is_broken_stands_in_nobody_s_way(data, tmp_path):
    folder = tmp_path / "models"
    assert night(data, folder, "--method", "ease").code == 0
    (folder / "current" / "manifest.json").write_text("{")
    run = night(data, folder, "--method", "ease", *GATED)
    assert run.code == 0, run.err
    assert "the current version cannot be read" in run.err
    assert Recommender.load(folder / "current").method == "ease"
    assert "cannot be read: " in fullrank("versions", folder, "--json").out


def test_a_night_that_fails_leaves_what_was_there(data, tmp_path):
    folder = tmp_path / "models"
    assert night(data, folder, "--method", "ease").code == 0
    before = sorted(path.name for path in folder.iterdir())
    run = night(tmp_path / "missing.csv", folder, "--method", "ease", *GATED)
    assert_refused(run, "missing.csv")
    assert sorted(path.name for path in folder.iterdir()) == before


@pytest.mark.slow
def test_what_is_refused(data, tmp_path):
    folder = tmp_path / "models"
    assert_refused(fullrank("versions", folder), "no such folder")
    assert_refused(fullrank("rollback", tmp_path), "no version")
    (tmp_path / "x").write_text("")
    assert_refused(night(data, tmp_path, "--method", "ease"), "a folder with 'x' in it")
    gate = ("--method", "ease", *GATED)
    assert_refused(night(data, folder, *gate, "--holdout", 0), "--holdout 0")
    assert_refused(night(data, folder, *gate, "--tolerance", "2 percent"), "'2 percent'", "as 2%")
    assert_refused(night(data, folder, "--method", "ease", "--tolerance", "2%"), "both")
    no_versions = ("fit", data, "-o", folder, "--method", "ease")
    assert_refused(fullrank(*no_versions, "--keep", 2), "option --keep: found no --versions")
    missing = ("--start-from", "2020-01-01T00-00-00")
    assert_refused(night(data, folder, "--method", "bpr", *missing), "no version '2020-01-01")
    assert share_of("2%") == share_of("0.02") == 0.02
    for text in ("", "%", "-1%", "100%", "nan", "inf"):
        with pytest.raises(SettingError):
            share_of(text)


@pytest.mark.slow
def test_refit(data, tmp_path):
    out = tmp_path / "model"
    assert fullrank("fit", data, "-o", out, "--method", "ease").code == 0
    figures = json.loads((out / "manifest.json").read_text())["metrics"]
    run = fullrank("refit", out)
    assert run.code == 0, run.err
    assert f"ease on all {len(events(120, 40)):,} interactions" in run.out
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["data"]["interactions"].keys() == {"train"}
    assert manifest["metrics"] == figures
    assert "refit" in manifest["training"]["command"]
    assert (out / "report.html").stat().st_size > 10_000
    other = fullrank("refit", out, "-o", tmp_path / "other", "--json", "--no-report").json
    assert other["model"] == str(tmp_path / "other")
    assert other["report"] is None


@pytest.mark.slow
def test_a_fit_that_is_stopped_before_its_gate_takes_no_model_s_place(data, tmp_path, monkeypatch):
    out = tmp_path / "model"
    assert fullrank("fit", data, "-o", out, "--method", "ease", "--no-report").code == 0
    before = (out / "manifest.json").read_bytes()

    def interrupted(self, *args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("fullrank.recommender.Recommender.evaluate", interrupted)
    gate = ("--unless-worse-than", out)
    run = fullrank("fit", data, "-o", out, "--method", "bpr", *QUICK, *gate)
    assert run.code == 130
    assert (out / "manifest.json").read_bytes() == before
    run = fullrank("fit", data, "-o", out, "--method", "bpr", *QUICK, "--restart")
    assert run.code == 130
    assert (out / "manifest.json").read_bytes() != before, "without a gate it is kept"


def test_the_newest_of_several_that_were_cut_is_gone_on_from(tmp_path):
    names = ["2026-01-01T00-00-00", "2026-01-02T00-00-00", "2026-01-03T00-00-00"]
    for name in names:
        (tmp_path / name).mkdir()
    for name in names[:2]:
        (tmp_path / name / "checkpoint.safetensors").write_text("x")
    assert _unfinished(Versions(tmp_path)).name == names[1]
