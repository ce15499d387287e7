"""The folder of what is made: whose pages are joined, and which are never written over."""

from __future__ import annotations

import pytest
from command import fullrank

from fullrank.errors import DataError, SettingError
from fullrank.lab.report import INDEX, redraw
from fullrank.lab.reproduce import Asked, reproduce


def made(folder, splits, ids=("table-3",), data=("citeulike",)):
    return reproduce(ids, folder, Asked(data=data, quick=True, most_epochs=2), splits=splits)


def test_a_page_of_somebody_else_is_not_written_over(tmp_path, splits):
    (tmp_path / INDEX).write_text("# My project\n", encoding="utf-8")
    with pytest.raises(DataError, match="a page that fullrank reproduce did not write"):
        made(tmp_path, splits)
    assert [path.name for path in tmp_path.iterdir()] == [INDEX]
    assert (tmp_path / INDEX).read_text("utf-8") == "# My project\n"


@pytest.mark.slow
def test_the_page_has_the_sections_and_no_other_file(tmp_path, splits):
    made(tmp_path, splits)
    (tmp_path / "notes.md").write_text("my notes\n", encoding="utf-8")
    (tmp_path / "table-30-plan.md").write_text("no section\n", encoding="utf-8")
    made(tmp_path, splits, ["table-1"], ())  # a second time: the page is its own
    page = (tmp_path / INDEX).read_text("utf-8")
    assert "## Table 1" in page
    assert "## Table 3" in page
    assert "my notes" not in page
    assert "no section" not in page


@pytest.mark.parametrize("data", [("a/events.csv", "b/events.parquet"), ("demo", "demo")])
def test_sections_of_two_data_sets_are_not_written_over_each_other(tmp_path, splits, data):
    with pytest.raises(SettingError, match="would both be written to"):
        made(tmp_path, splits, data=data)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_what_is_not_asked_for_is_not_drawn_anew(tmp_path, splits):
    made(tmp_path, splits, ["figure-1"])
    (tmp_path / "package.json").write_text("[1, 2]", encoding="utf-8")
    picture = tmp_path / "figure-1-citeulike.svg"
    picture.unlink()
    for named, said in (("figure-10", "drew 0 pictures"), ("figure-1", "drew 1 picture in")):
        run = fullrank("reproduce", named, "--redraw", "-o", tmp_path)
        assert run.code == 0
        assert said in run.out
        assert picture.is_file() == (named == "figure-1")
    picture.unlink()
    assert fullrank("reproduce", "--redraw", "-o", tmp_path).code == 0
    assert picture.is_file()
    run = fullrank("reproduce", "figure-99", "--redraw", "-o", tmp_path)
    assert (run.code, "expected 'figure-9'" in run.err) == (2, True)


@pytest.mark.parametrize(
    "option",
    [("--data", "citeulike"), ("--seeds", 2), ("--quick",), ("--only", "BPR"), ("--threads", 1),
     ("--runs", "runs"), ("--most-epochs", 3)],
)  # fmt: skip
def test_what_says_how_to_train_says_nothing_to_a_drawing(tmp_path, option):
    run = fullrank("reproduce", "table-4", "--redraw", "-o", tmp_path, *option)
    assert run.code == 2
    assert f"option --redraw: found {option[0]} beside it; expected IDs and -o alone" in run.err


@pytest.mark.parametrize("text", ["[1, 2]", "{", "{}", '{"panels": [1]}', '{"panels": []}'])
def test_what_cannot_be_drawn_is_named(tmp_path, text):
    (tmp_path / "figure-1-own.json").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"figure-1-own\.json: found a file that"):
        redraw(tmp_path, ["figure-1"])
    with pytest.raises(DataError, match="no such folder"):
        redraw(tmp_path / "none", ["figure-1"])
