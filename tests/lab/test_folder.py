"""The folder of what is made: whose pages are joined, and which are never written over."""

from __future__ import annotations

import pytest

from fullrank.errors import DataError, SettingError
from fullrank.lab.report import INDEX
from fullrank.lab.reproduce import Asked, reproduce


def made(folder, splits, ids=("table-3",), data=("citeulike",)):
    return reproduce(ids, folder, Asked(data=data, quick=True, most_epochs=2), splits=splits)


def test_a_page_of_somebody_else_is_not_written_over(tmp_path, splits):
    (tmp_path / INDEX).write_text("# My project\n", encoding="utf-8")
    with pytest.raises(DataError, match="a page that fullrank reproduce did not write"):
        made(tmp_path, splits)
    assert [path.name for path in tmp_path.iterdir()] == [INDEX]
    assert (tmp_path / INDEX).read_text("utf-8") == "# My project\n"


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
