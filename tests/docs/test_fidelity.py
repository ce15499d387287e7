"""The page of deviations names methods and settings that there are, and says what was measured."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from fullrank import METHODS
from fullrank.methods import build_method

RESULTS = Path(__file__).parents[2] / "results" / "fidelity.json"
PAGE = Path(__file__).parents[2] / "docs" / "fidelity.md"
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in PAGE.read_text("utf-8").split("<!-- table", maxsplit=1)[0].splitlines()
    if line.startswith("| `")
]
IDS = [f"{row[0]}: {row[1][:30]}" for row in ROWS]


def parsed(value: str) -> object:
    try:
        return json.loads(value)
    except ValueError:
        return value


@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_what_brings_theirs_back_can_be_set_and_is_no_default(row):
    assert len(row) == 6
    methods = re.findall(r"`([\w+-]+)`", row[0])
    pairs = re.findall(r"`(\w+)=([^`]+)`", row[4])
    values = {name: parsed(value) for name, value in pairs}
    assert values or row[4] == "–"
    for method in methods:
        own, default = build_method(method, values), METHODS[method]()
        assert all(getattr(own, name) != getattr(default, name) for name in values)


@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_an_effect_is_measured_on_a_page_where_a_setting_brings_theirs_back(row):
    effect = row[5].rstrip(" |")
    if row[4] == "–":
        assert effect == "not measured" or "](allpass.md)" in effect
    else:
        assert re.search(r"\]\(\w+\.md[#)]", effect)


def test_each_effect_that_is_said_to_stand_below_stands_there():
    """The settings that a row names are those of a measured run."""
    measured = [
        (run["method"], run["both"] | run["theirs"])
        for run in json.loads(RESULTS.read_text("utf-8"))["rows"]
    ]
    below = [row for row in ROWS if "what-their-settings-are-worth" in row[5]]
    assert below
    for row in below:
        methods = re.findall(r"`([\w+-]+)`", row[0])
        named = re.findall(r"`(\w+)=([^`]+)`", row[4])
        wanted = {name: parsed(value) for name, value in named}
        assert any(method in methods and wanted.items() <= run.items() for method, run in measured)
