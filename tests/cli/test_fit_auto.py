"""``fullrank fit --method auto``: the leaderboard in print and JSON, and what is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from command import COLUMNS, QUICK, assert_refused, fullrank

from fullrank import Recommender
from fullrank.cli.fitted_text import verdict
from fullrank.data.synthetic import generate
from fullrank.errors import Stopped
from fullrank.portfolio import Blend
from fullrank.portfolio.contest import Contest
from fullrank.portfolio.entries import Entry
from fullrank.portfolio.trials import Trials

AUTO = (*COLUMNS, "--method", "auto", "--threads", "1")


@pytest.fixture(autouse=True)
def _closed_forms(monkeypatch):
    """Three methods do: the portfolio has its own tests."""
    few = (Entry("popularity"), Entry("itemknn"), Entry("ease", {"ridge": (60.0, 1000.0)}))
    monkeypatch.setitem(Contest.__init__.__kwdefaults__, "entries", few)


def won(folder: Path) -> str:
    """The method of the model, which is that of the first line of the leaderboard."""
    manifest = json.loads((folder / "manifest.json").read_text())
    tried = [line for line in manifest["training"]["auto"]["leaderboard"] if line["trials"]]
    best = max(tried, key=lambda line: line["validation_ndcg@20"])["method"]
    assert manifest["method"] == manifest["training"]["auto"]["won"] == best
    return best


@pytest.mark.slow
def test_from_a_csv_to_the_leaderboard(events, tmp_path):
    run = fullrank("fit", events, "-o", tmp_path / "m", *AUTO, "--budget", "2m")
    assert run.code == 0, run.err
    assert "trying popularity: validation ndcg@20 0." in run.err
    said = " ".join(run.out.split())
    assert f"{won(tmp_path / 'm')} is the best of 5 trials of 3 methods on the validation p" in said
    assert re.search(r" users\), in \d+ s of 120 ", said)
    for name in ("popularity", "itemknn", "ease", "validation ndcg@20", "memory", "trials"):
        assert name in run.out
    assert "protocol standard" in run.out
    assert fullrank("recommend", tmp_path / "m", "--user", "0017", "-k", 3).code == 0
    assert not (tmp_path / "m" / "checkpoint.safetensors").exists()


@pytest.mark.slow
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
    assert_refused(run, "setting budget", "a method beside it, ease")
    run = fullrank("fit", events, "-o", out, *AUTO, "--dim", 8)
    assert_refused(run, "setting dim", "no such name")
    run = fullrank("fit", events, "-o", out, *AUTO, "--resume")
    assert_refused(run, "option --resume: found --method auto, which keeps no checkpoint")
    run = fullrank("fit", events, "-o", out, *AUTO, "--preset", "published")
    assert_refused(run, "preset published", "found auto on")
    assert not out.exists()


@pytest.mark.slow
def test_it_is_what_is_fitted_where_no_method_is_named(events, tmp_path):
    run = fullrank("fit", events, "-o", tmp_path / "m", *COLUMNS, "--threads", 1)
    assert run.code == 0, run.err
    said = "trying several methods to keep the best on validation: at most 600 s (--budget), less"
    assert run.err.splitlines()[1].startswith(said)
    assert "is the best of 5 trials of 3 methods on the validation part" in " ".join(
        run.out.split()
    )


@pytest.mark.slow
def test_settings_without_a_method_are_those_of_directspec(events, tmp_path):
    out = tmp_path / "m"
    run = fullrank("fit", events, "-o", out, *COLUMNS, *QUICK)
    assert run.code == 0, run.err
    assert "fitting directspec+, whose settings are given; without any: the best of" in run.err
    named = fullrank("fit", events, "-o", out, *COLUMNS, *QUICK, "--method", "directspec+")
    assert "fitting directspec+\n" in named.err
    run = fullrank("fit", events, "-o", tmp_path / "n", *COLUMNS, "--set", "ridge=3")
    assert_refused(run, "setting ridge: found no method; expected the one it is for: ease?")
    run = fullrank("fit", events, "-o", out, *COLUMNS, "--resume")
    assert_refused(run, "option --resume: found no --method, so auto, which keeps no checkpoint")


@pytest.mark.slow
def test_an_unfinished_run_is_not_lost_without_a_word(events, tmp_path):
    (tmp_path / "checkpoint.safetensors").write_bytes(b"of another run")
    run = fullrank("fit", events, "-o", tmp_path, *AUTO)
    assert_refused(run, "the checkpoint of an unfinished run", "--restart")
    run = fullrank("fit", events, "-o", tmp_path, *AUTO, "--restart")
    assert run.code == 0, run.err
    assert not (tmp_path / "checkpoint.safetensors").exists()


@pytest.mark.parametrize("parts", [("--validation", 0), ("--validation", 0, "--holdout", 0)])
def test_without_a_validation_part_one_line_says_so(events, tmp_path, parts):
    run = fullrank("fit", events, "-o", tmp_path / "m", *COLUMNS, *parts)
    assert run.code == 0, run.err
    line = "no validation part, so no method can be chosen: allpass with its defaults"
    assert run.err.count("validation part") == run.err.count(line) == 1
    assert json.loads((tmp_path / "m" / "manifest.json").read_text())["method"] == "allpass"


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(2, 130), (15, 143), (1, 129)])
def test_a_signal_keeps_the_best_so_far_and_says_what_it_rests_on(
    events, tmp_path, monkeypatch, number, code
):
    part = Trials.part

    def interrupted(self, line, *others):
        if line.method == "ease":
            raise Stopped(number)
        return part(self, line, *others)

    monkeypatch.setattr(Trials, "part", interrupted)
    run = fullrank("fit", events, "-o", tmp_path / "m", *AUTO)
    assert (run.code, run.out) == (code, "")
    last = run.err.splitlines()[-1]
    best = won(tmp_path / "m")
    assert best in ("popularity", "itemknn")
    assert last.startswith(f"interrupted: {best} is the best of 2 trials of 2 methods on the val")
    assert last.endswith(f"and is kept in {tmp_path / 'm'}")
    manifest = json.loads((tmp_path / "m" / "manifest.json").read_text())
    assert manifest["training"]["auto"]["stopped"] in ("SIGINT", "SIGTERM", "SIGHUP")
    assert fullrank("recommend", tmp_path / "m", "--user", "0017", "-k", 3).code == 0
    assert fullrank("evaluate", tmp_path / "m").code == 0


@pytest.mark.slow
def test_a_signal_while_it_is_evaluated_keeps_it(events, tmp_path, monkeypatch):
    def interrupted(self, **_):
        raise Stopped(15)

    monkeypatch.setattr("fullrank.recommender.Recommender.evaluate", interrupted)
    run = fullrank("fit", events, "-o", tmp_path / "m", *AUTO)
    assert run.code == 143
    best = won(tmp_path / "m")
    assert f"interrupted: {best} is the best of 5 trials of 3 methods" in run.err
    assert fullrank("recommend", tmp_path / "m", "--user", "0017", "-k", 3).code == 0


def test_ctrl_c_before_the_first_is_whole_keeps_nothing_and_says_so(events, tmp_path, monkeypatch):
    def interrupted(self, *_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Trials, "part", interrupted)
    run = fullrank("fit", events, "-o", tmp_path / "m", *AUTO)
    assert run.code == 130
    assert "interrupted: nothing kept" in run.err
    assert not (tmp_path / "m" / "manifest.json").exists()


@pytest.mark.slow
@pytest.mark.parametrize("method", [("--method", "ease"), ()])
def test_in_the_end_on_everything(events, tmp_path, method):
    out = tmp_path / "m"
    run = fullrank("fit", events, "-o", out, *COLUMNS, *method, "--threads", 1, "--final")
    assert run.code == 0, run.err
    found = json.loads((out / "manifest.json").read_text())
    counts = found["data"]["interactions"]
    assert counts.keys() == {"train"}
    assert found["training"]["final"]["interactions"] == counts["train"]
    said = (
        f"the model is the last fit, on train and validation and test together: {counts['train']:,}"
    )
    assert said in " ".join(run.out.split())
    assert ("auto" in found["training"]) == (not method)
    before = fullrank("fit", events, "-o", tmp_path / "n", *COLUMNS, "--method", "ease", "--json")
    assert before.json["training"].get("final") is None


@pytest.mark.slow
def test_each_part_of_a_blend_is_inspected(small, tmp_path):
    quick = {"dim": 8, "batch_size": 64, "epochs": 2}
    parts = (
        {"method": "bpr", "settings": quick, "weight": 0.25},
        {"method": "ease", "settings": {}, "weight": 0.5},
        {"method": "allpass", "settings": {}, "weight": 0.25},
    )
    model = Recommender(Blend(parts=parts)).fit(small)
    model.save(tmp_path / "m")
    run = fullrank("inspect", tmp_path / "m", "--json")
    assert run.code == 0, run.err
    names = [each["name"] for each in run.json["tables"]]
    assert names == [
        f"{part}, {what}"
        for part in ("bpr", "allpass")
        for what in ("users", "items", "users and items")
    ]
    assert run.json["tables"][2]["effective_rank"] > 1
    said = verdict(model).splitlines()  # what `fit` prints
    for line, part, table in zip(said, ("bpr", "allpass"), run.json["tables"][2::3], strict=True):
        assert line.startswith(f"{part}: {table['verdict']}")
    Recommender(Blend(parts=parts[1:2] * 2)).fit(small).save(tmp_path / "n")
    assert_refused(fullrank("inspect", tmp_path / "n"), "method blend", "no embeddings")


@pytest.mark.slow
def test_what_comes_next_is_what_the_model_can_do(events, tmp_path):
    for method, inspected in (("ease", False), ("bpr", True), ("allpass", False)):
        quick = QUICK if method == "bpr" else ()
        run = fullrank("fit", events, "-o", tmp_path / method, *COLUMNS, *quick, "--method", method)
        assert run.code == 0, run.err  # allpass finds one column here
        assert f"fullrank recommend {tmp_path / method}" in run.out
        assert (f"fullrank inspect {tmp_path / method}" in run.out) == inspected
        code = fullrank("inspect", tmp_path / method).code
        assert code == (0 if inspected else 2)


def stopped(*_, **__):
    raise Stopped(15)


@pytest.mark.slow
def test_stopped_in_the_last_fit_the_choice_is_kept(events, tmp_path, monkeypatch):
    monkeypatch.setattr("fullrank.portfolio.final.fit_method", stopped)
    run = fullrank("fit", events, "-o", tmp_path / "m", *AUTO, "--final")
    assert run.code == 143
    assert run.err.splitlines()[-1].endswith(f"is kept in {tmp_path / 'm'}, fitted on train alone")
    assert fullrank("recommend", tmp_path / "m", "--user", "0017", "-k", 3).code == 0


@pytest.mark.slow
def test_stopped_in_the_last_fit_a_named_method_goes_on(events, tmp_path, monkeypatch):
    words = (*COLUMNS, *QUICK, "--method", "bpr", "--set", "checkpoint_every=1", "--final")
    with monkeypatch.context() as patch:
        patch.setattr("fullrank.portfolio.final.fit_method", stopped)
        run = fullrank("fit", events, "-o", tmp_path / "m", *words)
    assert run.code == 143
    assert "--resume goes on" in run.err.splitlines()[-1]
    assert fullrank("fit", events, "-o", tmp_path / "m", *words, "--resume").code == 0
    assert fullrank("fit", events, "-o", tmp_path / "whole", *words).code == 0
    cut, whole = (Recommender.load(tmp_path / name) for name in ("m", "whole"))
    assert cut.recommend(k=5).equals(whole.recommend(k=5))
    assert "final" in cut.training


@pytest.mark.slow
def test_how_weights_are_read_is_said(tmp_path):
    rng = np.random.default_rng(3)
    pairs = generate(200, 80, 3000, seed=4)
    weight = np.exp(3 * rng.standard_normal(len(pairs)))  # they mean nothing
    path = tmp_path / "events.csv"
    pairs.to_frame().with_columns(weight=weight).write_csv(path)
    run = fullrank("fit", path, "-o", tmp_path / "m", "--method", "auto", "--threads", "1")
    assert run.code == 0, run.err
    said = " ".join(run.err.split())
    for way in ("given", "log", "none"):
        assert re.search(rf"trying itemknn weighting {way}: validation ndcg@20 0\.\d+ in", said)
    assert "weights are read not at all: validation ndcg@20 as given 0." in " ".join(
        run.out.split()
    )
    manifest = json.loads((tmp_path / "m" / "manifest.json").read_text())
    assert manifest["settings"]["weighting"] == manifest["training"]["weighting"]["way"] == "none"
