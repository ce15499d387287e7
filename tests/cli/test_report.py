"""Pages that commands write: when, where, and never beside a model that they are not about."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from command import COLUMNS, assert_refused, fullrank
from parsed import check

from fullrank import DataError, Recommender
from fullrank.serving import model_files


def page(path: Path):
    return check(path.read_text("utf-8"))


def test_a_fit_leaves_a_page_with_its_command(model, events):
    root = page(model / "report.html")
    command = root.all("pre")[0].text
    assert command.startswith(f"fullrank fit {events} -o {model} --user-column 'Customer No'")
    assert command.endswith("--threads 1")
    figures = json.loads((model / "manifest.json").read_text("utf-8"))["metrics"]["metrics"]
    assert f"{figures['ndcg@10']:.4f} [" in root.text
    assert Recommender.load(model).training["command"] == command


@pytest.mark.slow
def test_a_fit_says_where_the_page_is(events, tmp_path):
    folder = tmp_path / "m"
    run = fullrank("fit", events, "-o", folder, *COLUMNS, "--method", "popularity")
    assert f"a page about it in {folder / 'report.html'}" in " ".join(run.out.split())
    again = fullrank("fit", events, "-o", folder, *COLUMNS, "--method", "popularity", "--json")
    assert again.json["report"] == str(folder / "report.html")


@pytest.mark.slow
def test_no_page_where_none_is_wanted(events, tmp_path):
    folder = tmp_path / "m"
    options = (*COLUMNS, "--method", "popularity", "--no-report", "--json")
    run = fullrank("fit", events, "-o", folder, *options)
    assert run.json["report"] is None
    assert not (folder / "report.html").exists()
    fullrank("report", folder)
    fullrank("fit", events, "-o", folder, *options)  # and the page of the model before is gone
    assert not (folder / "report.html").exists()


def test_a_model_is_a_model_without_its_page(events, tmp_path, monkeypatch):
    from fullrank.pages import model as pages

    def broken(*_, **__):
        raise DataError("a place", "no room", "some")

    monkeypatch.setattr(pages, "write_report", broken)
    folder = tmp_path / "m"
    run = fullrank("fit", events, "-o", folder, *COLUMNS, "--method", "popularity")
    assert run.code == 0
    assert "no report.html: a place: found no room; expected some" in run.err
    assert "a page about it" not in run.out
    Recommender.load(folder)


@pytest.mark.slow
def test_the_page_of_a_model(model, tmp_path):
    out = tmp_path / "deep" / "page.html"
    run = fullrank("report", model, "-o", out)
    assert run.code == 0, run.err
    assert run.out.strip() == str(out)
    one, other = (page(path).all("main")[0].text for path in (out, model / "report.html"))
    assert one == other
    assert fullrank("report", model, "-o", out, "--users", "0", "--json").json == {
        "model": str(model),
        "report": str(out),
    }
    assert "Left out, as asked" in page(out).text


def test_it_lies_in_the_model_folder_by_default(model, tmp_path):
    folder = tmp_path / "m"
    shutil.copytree(model, folder)
    (folder / "report.html").unlink()
    assert fullrank("report", folder).code == 0
    page(folder / "report.html")
    before = Recommender.load(folder)
    assert before.metrics == Recommender.load(model).metrics
    run = fullrank("report", folder / "nowhere")
    assert_refused(run, "no such folder")


@pytest.mark.slow
def test_the_page_waits_for_a_save(model, tmp_path, monkeypatch):
    from fullrank.data import files
    from fullrank.data.locks import exclusive

    monkeypatch.setattr(files, "WAIT", 0.1)
    folder = tmp_path / "m"
    shutil.copytree(model, folder)
    held, enough = threading.Event(), threading.Event()

    def hold() -> None:
        with exclusive(folder, "saving", folder=True):
            held.set()
            enough.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    try:
        assert_refused(fullrank("report", folder), str(folder), "saving")
    finally:
        enough.set()
        thread.join()
    assert fullrank("report", folder).code == 0


@pytest.mark.parametrize("name", ["page.pdf", "page", "manifest.json"])
def test_a_page_is_called_so(model, tmp_path, name):
    assert_refused(fullrank("report", model, "-o", tmp_path / name), name, ".html")
    run = fullrank("inspect", model, "--report", tmp_path / name)
    assert_refused(run, name, ".html")
    assert list(tmp_path.iterdir()) == []


def test_a_save_removes_the_page_of_the_model_before(model, tmp_path):
    folder = tmp_path / "m"
    shutil.copytree(model, folder)
    Recommender.load(model).save(folder)
    assert not (folder / "report.html").exists()


def test_a_save_that_fails_leaves_the_model_with_its_page(model, tmp_path, monkeypatch):
    folder = tmp_path / "m"
    shutil.copytree(model, folder)
    other = Recommender("popularity").fit(Recommender.load(model).train)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(model_files, "_add_table", full)
    with pytest.raises(DataError, match="full"):
        other.save(folder)
    assert (folder / "report.html").exists()
    assert Recommender.load(folder).method == Recommender.load(model).method


def test_a_page_is_never_beside_a_model_that_it_is_not_about(model, tmp_path, monkeypatch):
    """Whenever a save ends, the page that is left names the manifest that is left."""
    folder = tmp_path / "m"
    shutil.copytree(model, folder)
    other = Recommender("popularity").fit(Recommender.load(model).train)
    whole = model_files.replacing

    def killed(target):
        if target.name == "manifest.json":
            raise KeyboardInterrupt
        return whole(target)

    monkeypatch.setattr(model_files, "replacing", killed)
    with pytest.raises(KeyboardInterrupt):
        other.save(folder)
    assert Recommender.load(folder).method == Recommender.load(model).method
    page(folder / "report.html")


@pytest.mark.slow
def test_compare_leaves_a_page(events, tmp_path):
    folder = tmp_path / "c"
    quick = ("--set", "epochs=2", "--set", "batch_size=64", "--seeds", "2")
    methods = ("--methods", "popularity,itemknn,bpr")
    run = fullrank("compare", events, *methods, *quick, *COLUMNS, "-o", folder)
    assert run.code == 0, run.err
    root = page(folder / "report.html")
    document = json.loads((folder / "comparison.json").read_text("utf-8"))
    means = {label: each["ndcg@20"]["mean"] for label, each in document["methods"].items()}
    order = sorted(means, key=lambda label: -means[label])
    board = root.all("tbody")[0].all("tr")
    assert [row.children[0].text for row in board] == order
    assert f"{order[0]} ranks best: ndcg@20 {means[order[0]]:.4f}" in root.text
    [gains] = [t for t in root.all("table") if t.all("caption")[0].text.startswith("Paired")]
    p = document["tests"]["ndcg@20"]
    for row, label in zip(gains.all("tbody")[0].all("tr"), order[1:], strict=True):
        cells = [each.text for each in row.children]
        assert cells[:2] == [label, f"{means[order[0]] - means[label]:+.4f}"]
        shown = p[label]["users"]
        assert cells[4] == ("< 0.001" if shown < 0.001 else f"{shown:.3f}")
    assert document["tests"]["ndcg@20"].keys() == set(order[1:])


def test_one_method_alone_has_a_page(events, tmp_path):
    folder = tmp_path / "c"
    options = ("--methods", "popularity", "--seeds", "1", *COLUMNS, "-o", folder)
    assert fullrank("compare", events, *options).code == 0
    assert "nothing to compare it with" in page(folder / "report.html").text


@pytest.mark.slow
def test_tune_leaves_a_page(events, tmp_path):
    folder = tmp_path / "t"
    run = fullrank("tune", events, "--method", "itemknn", "--trials", "5", *COLUMNS, "-o", folder)
    assert run.code == 0, run.err
    root = page(folder / "report.html")
    found = json.loads((folder / "summary.json").read_text("utf-8"))
    assert f"validation ndcg@20 {found['value']:.4f}" in root.text
    trials = root.all("table")[-1].all("tbody")[0].all("tr")
    assert [row.children[0].text for row in trials] == ["1", "2", "3", "4", "5"]
    values = [float(row.children[1].text) for row in trials]
    assert max(values) == pytest.approx(found["value"], abs=5e-5)
    assert "strong" in trials[int(np.argmax(values))].attributes["class"]
    assert run.out.strip().splitlines()[-1].strip() in [each.text for each in root.all("pre")]


@pytest.mark.slow
def test_inspect_writes_a_page_where_asked(model, tmp_path):
    out = tmp_path / "i.html"
    run = fullrank("inspect", model, "--report", out, "--json")
    assert run.json["report"] == str(out)
    root = page(out)
    last = run.json["tables"][-1]
    assert last["verdict"] in root.text
    for each in run.json["tables"]:
        assert f"{each['effective_rank']:.1f} of 8 directions" in root.text
    assert "top m removed" in root.text
    table = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    np.save(tmp_path / "<b>.npy", table)
    assert fullrank("inspect", tmp_path / "<b>.npy", "--report", out).code == 0
    assert page(out).all("h1")[0].text == "<b>.npy"
