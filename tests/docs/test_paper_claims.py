"""docs/claims.md: its links, its size, and that a verdict turns when the numbers are turned."""

from __future__ import annotations

import copy
import json
import re
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "docs"), str(Path(__file__).parent)]

from paper_world import OTHERWISE, WORLD  # noqa: E402
from tables import claims  # noqa: E402
from tables.claims import accuracy  # noqa: E402
from tables.claims.claim import HELD, Claim, correlated, on_each  # noqa: E402
from tables.claims.found import found  # noqa: E402

from fullrank.lab.registry import EXPERIMENTS  # noqa: E402


def written(folder, world):
    """The world as the lab's files."""
    for name, document in world.items():
        names = document.get("data_names", [name.split("@")[1]] if "@" in name else [])
        whole = {"id": name.split("@")[0], "data_names": names, "quick": False, "panels": []}
        (folder / f"{name}.json").write_text(json.dumps(whole | document), "utf-8")
    return folder


@pytest.fixture(scope="module")
def as_the_paper_says(tmp_path_factory):
    return written(tmp_path_factory.mktemp("world"), WORLD)


def turned(value, key=""):
    """Every number x becomes 1 / x, so that orders and ratios turn; truth becomes falsehood."""
    if isinstance(value, dict):
        return {name: turned(each, name) for name, each in value.items()}
    if isinstance(value, list):
        return [turned(each, key) for each in value]
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float) and key != "x":
        return 1 / value if value else 1e3
    return value


def turned_world():
    world = copy.deepcopy(WORLD)
    for document in world.values():
        for name in ("numbers", "panels"):
            if name in document:
                document[name] = turned(document[name])
    return world


def test_there_are_enough_and_none_is_said_twice():
    assert len(claims.CLAIMS) >= 30
    assert not [text for text, n in Counter(c.text for c in claims.CLAIMS).items() if n > 1]
    for claim in claims.CLAIMS:
        assert claim.experiment in EXPERIMENTS, claim.text
        assert re.search(r"Figure|Table|section|equation|Proposition", claim.where)


@pytest.mark.parametrize("claim", claims.CLAIMS, ids=lambda claim: claim.text)
def test_each_holds_in_the_world_of_the_paper_and_turns_with_the_numbers(
    claim, as_the_paper_says, tmp_path
):
    answer = claims.answered(claim, as_the_paper_says)
    assert answer is not None
    assert answer.verdict == HELD, answer.measured
    worlds = [turned_world(), OTHERWISE]
    others = [claims.answered(claim, written(tmp_path, world)) for world in worlds]
    assert [each for each in others if each is not None and each.verdict != HELD], others


def test_a_claim_without_its_file_says_what_makes_it(tmp_path):
    made = claims.rows(claims.CLAIMS, tmp_path)
    assert len(made) == len(claims.CLAIMS)
    for claim, row in zip(claims.CLAIMS, made, strict=True):
        assert row[2:] == [claim.experiment, f"{claims.MISSING}: `{claim.command}`", "–"]
        assert claim.command.endswith("-o results/lab")


def test_held_on_some_data_sets_names_them(tmp_path):
    for data, rank in (("one", 63.0), ("other", 20.0)):
        document = {"id": "figure-8", "data_names": [data], "quick": False, "panels": [],
                    "numbers": {"at_best": {"DirectSpec+": rank}}}  # fmt: skip
        (tmp_path / f"{data}.json").write_text(json.dumps(document), "utf-8")
    judge = on_each(lambda found: ("text", found["numbers"]["at_best"]["DirectSpec+"] > 62))
    answer = claims.answered(Claim("x", "Figure 8", "figure-8", judge), tmp_path)
    assert answer == ("one: text; other: text", "held only on one")


def test_whole_runs_stand_before_quick_ones(tmp_path):
    for stem, quick, rank in (("a", True, 1.0), ("b", False, 2.0), ("c", True, 3.0)):
        document = {"id": "figure-8", "data_names": ["demo"], "quick": quick, "panels": [],
                    "numbers": {"at_best": rank}}  # fmt: skip
        (tmp_path / f"{stem}.json").write_text(json.dumps(document), "utf-8")
    assert found("figure-8", tmp_path)["demo"]["numbers"] == {"at_best": 2.0}


@pytest.mark.parametrize(("methods", "stands"), [(2, "table4.json"), (50, "table-4.json")])
def test_some_methods_alone_do_not_take_a_whole_tables_place(
    tmp_path, monkeypatch, methods, stands
):
    monkeypatch.setattr(sys.modules["tables.claims.found"], "LAB", tmp_path)
    numbers = {"citeulike": {f"method {number}": {} for number in range(methods)}}
    numbers["citeulike"]["tests"] = {}
    document = {"id": "table-4", "data_names": ["citeulike"], "quick": False, "panels": []}
    (tmp_path / "table-4.json").write_text(json.dumps(document | {"numbers": numbers}), "utf-8")
    assert found("table-4", tmp_path)["citeulike"]["path"].name == stands


def test_correlation_is_pearsons():
    assert correlated([1, 2, 3], [2, 4, 6]) == pytest.approx(1)
    assert correlated([1, 2, 3], [3, 2, 1]) == pytest.approx(-1)
    pair = [1, 2, 4, 0], [1, 3, 2, 1]
    assert correlated(*pair) == pytest.approx(np.corrcoef(*pair)[0, 1])
    assert correlated([1, 1, 1], [1, 2, 3]) == 0


@pytest.mark.slow
def test_every_link_of_the_page_leads_somewhere():
    page = (ROOT / "docs" / "claims.md").read_text("utf-8")
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page)
    assert links
    assert [link for link in links if not (ROOT / "docs" / link).is_file()] == []
    for claim in claims.CLAIMS:
        for path in claims.sources(claim):
            assert path.is_file()


@pytest.mark.parametrize(
    ("best", "held", "said"),
    [(0, False, "one τ for all"), (1, False, "no two rows are near"), (2, True, "best at 2"),
     (3, True, "best at 3"), (4, False, "best at 4")],
)  # fmt: skip
def test_an_odd_distance_is_the_even_one_below(best, held, said):
    text, verdict = accuracy.best_distance({"numbers": {"best": {"K": best}}})
    assert said in text
    assert verdict is held
