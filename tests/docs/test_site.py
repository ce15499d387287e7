"""The site builds without a warning, its links lead somewhere, and it asks no network."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest

pytest.importorskip("mkdocs", reason="the extra docs is not installed")
pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


class Links(HTMLParser):
    """What a page links, what it loads, and the anchors that it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors: set[str] = set()
        self.alone: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attributes}
        self.anchors |= {found[name] for name in ("id", "name") if name in found}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        elif tag in ("img", "script", "iframe", "source") and "src" in found:
            self.loaded.append(found["src"])
        elif tag == "link" and found.get("rel") not in ("prev", "next", "canonical"):
            self.loaded.append(found["href"])
        if tag == "img" and not found.get("alt"):
            self.alone.append(found.get("src", ""))


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    run = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert "WARNING" not in run.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site) -> dict[Path, Links]:
    return {path: Links(path.read_text("utf-8")) for path in site.rglob("*.html")}


def test_links_and_anchors_lead_somewhere(site, pages):
    dead = []
    for page, found in pages.items():
        if page.name == "404.html":
            continue  # it is shown under any address, so its links begin at the server's root
        for target in (*found.links, *found.loaded):
            if re.match(r"\w+:", target):
                continue
            path, anchor = urldefrag(target)
            there = (page.parent / unquote(path)).resolve() if path else page
            there = there / "index.html" if there.is_dir() else there
            known = pages[there].anchors if there in pages else set()
            if not there.is_file() or (anchor and unquote(anchor) not in known | {"__top"}):
                dead.append(f"{page.relative_to(site)}: {target}")
    assert dead == []


def test_nothing_is_loaded_from_elsewhere(site, pages):
    assert [each for found in pages.values() for each in found.loaded if ":" in each] == []
    for path in (site / "assets").rglob("*.css"):
        assert not re.search(r"url\(\W?(https?:)?//|@import", path.read_text("utf-8")), path.name


def test_a_picture_has_a_text(pages):
    assert [each for found in pages.values() for each in found.alone] == []


def test_no_python_of_the_folder_comes_along(site):
    assert not list(site.rglob("*.py"))
