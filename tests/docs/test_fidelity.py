"""The page of deviations names methods and settings that there are, and says what was measured."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from fullrank import METHODS
from fullrank.methods import build_method

PAGE = Path(__file__).parents[2] / "docs" / "fidelity.md"
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in PAGE.read_text("utf-8").splitlines()
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
def test_an_effect_is_measured_on_a_page_or_said_not_to_be(row):
    assert row[5].rstrip(" |") == "not measured" or re.search(r"\]\(\w+\.md[#)]", row[5])
