from __future__ import annotations

import base64
import hashlib
import re

import pytest
from jinja2 import UndefinedError
from parsed import check, parse

from fullrank.pages.render import FOLDER, page, percent

HOSTILE = (
    "</script></style></title><script>alert(1)</script><img src=x onerror=alert(1)>\"'{{ 7*7 }}"
)
VALUES = {
    "kind": HOSTILE,
    "title": HOSTILE,
    "sections": [("made", HOSTILE)],
    "foot": HOSTILE,
    "verdict": HOSTILE,
    "advice": HOSTILE,
    "tiles": [{"value": HOSTILE, "name": HOSTILE, "note": HOSTILE}],
    "tables": [],
    "angle": HOSTILE,
    "harm": None,
    "versions": [(HOSTILE, HOSTILE)],
    "command": HOSTILE,
}


def test_hostile_text_stays_text():
    root = check(page("diagnosis.html", VALUES))
    assert root.all("h1")[0].text == " ".join(HOSTILE.split())
    assert root.all("title")[0].text == " ".join(HOSTILE.split())
    assert len(root.all("script")) == 1
    assert root.all("pre")[0].text == " ".join(HOSTILE.split())


def test_the_policy_allows_the_script_of_the_page_and_nothing_else():
    text = page("diagnosis.html", VALUES)
    [meta] = [
        each
        for each in parse(text).all("meta")
        if each.attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    policy = dict(part.split(" ", 1) for part in meta.attributes["content"].split("; "))
    assert policy["default-src"] == "'none'"
    script = re.search(r"<script>(.*?)</script>", text, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy["script-src"] == f"'sha256-{digest}'"


def test_a_value_that_is_missing_is_an_error():
    with pytest.raises(UndefinedError):
        page("diagnosis.html", {name: each for name, each in VALUES.items() if name != "verdict"})


def test_every_template_escapes():
    for path in FOLDER.glob("*.html"):
        text = path.read_text("utf-8")
        assert "|safe" not in text.replace(" ", "")
        assert "autoescape" not in text


def test_the_style_has_both_schemes_and_print():
    style = (FOLDER / "page.css").read_text("utf-8")
    assert "prefers-color-scheme: dark" in style
    assert "@media print" in style


def test_percentages():
    assert percent(0.0049) == "<\xa01\xa0%"
    assert percent(0.0) == "0\xa0%"
    assert percent(0.9949) == "99\xa0%"
    assert percent(0.995) == percent(0.99999) == ">\xa099\xa0%"
    assert percent(1.0) == "100\xa0%"
    assert percent(0.1234, 1) == "12.3\xa0%"
