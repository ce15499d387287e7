"""The file of limits, and the command."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import assert_refused, fullrank

import fullrank as fr
from fullrank import DataError, SettingError
from fullrank.behaviour import LIMITS, read_limits


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    folder, split = tmp_path_factory.mktemp("models"), fr.load("demo")
    for method in ("ease", "popularity"):
        fr.Recommender(method).fit(split).save(folder / method)
    return folder


def test_the_page_has_each_limit():
    page = (Path(__file__).parents[2] / "docs" / "check.md").read_text("utf-8")
    for name, limit in LIMITS.items():
        row = next(line for line in page.splitlines() if f"`{name}`" in line)
        assert f"`{limit.value:g}`" in row or (name == "id_types" and "any" in row)
        assert ("below" if limit.at_least else "above") in row or name == "id_types"


def test_a_file_moves_some(tmp_path):
    path = tmp_path / "limits.toml"
    path.write_text("same_ten = 0.2\nties = false\n")
    limits = read_limits(path)
    assert limits["same_ten"].value == 0.2
    assert limits["ties"].value is None
    assert limits["remembers"] == LIMITS["remembers"]


@pytest.mark.parametrize(("text", "error", "words"), [
    ("same_tem = 0.2", SettingError, "same_ten"),
    ("ties = 'few'", SettingError, "limit ties: found 'few'"),
    ("ties = true", SettingError, "limit ties"),
    ("ties = nan", SettingError, "limit ties"),
    ("ties = ", DataError, "lines such as"),
    ("\xff", DataError, "lines such as"),
])  # fmt: skip
def test_what_is_refused(tmp_path, text, error, words):
    path = tmp_path / "limits.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(error, match=words) as caught:
        read_limits(path)
    assert str(path) in str(caught.value)
    assert_refused(fullrank("check", tmp_path, "--limits", path), str(path))


@pytest.mark.slow
def test_good_is_0_and_bad_is_4(folders, tmp_path):
    run = fullrank("check", folders / "ease")
    assert run.code == 0, run.out
    assert "all that was judged passed" in run.out
    assert "dimensions was not measured: the method has no embeddings" in " ".join(run.out.split())
    run = fullrank("check", folders / "popularity", "--json")
    assert run.code == 4
    assert run.json["passed"] is False
    by_name = {each["check"]: each for each in run.json["checks"]}
    assert by_name["same_ten"]["at_most"] == 0.05
    assert by_name["same_ten"]["value"] == 1.0
    run = fullrank("check", folders / "popularity")
    assert run.code == 4
    assert "FAILED" in run.out
    assert "checks failed" in run.out
    loose = tmp_path / "loose.toml"
    names = ("over_popular", "rare_items", "same_ten", "never_shown", "ties")
    loose.write_text("".join(f"{name} = false\n" for name in names))
    assert fullrank("check", folders / "popularity", "--limits", loose).code == 0
    run = fullrank("check", folders / "ease", "--against", folders / "popularity")
    assert run.code in (0, 4)
    assert "against" in run.out
