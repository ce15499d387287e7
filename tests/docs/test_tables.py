"""The tables of the pages are those that docs/generate.py makes of results/."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "docs/results.md", "docs/benchmarks.md", "docs/claims.md")
GENERATED = re.compile(r"<!-- table [\w-]+ -->\n.*?<!-- end -->|^```.*?^```", re.DOTALL | re.M)
FIGURE = re.compile(r"(?<![\d.])\d*\.\d{2,}|\d+(\.\d+)? (s|ms|min|GiB)\b|\d %")


def generate(root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(root / "docs" / "generate.py"), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def copy(tmp_path) -> Path:
    """The pages, the generator and what it reads, to be changed."""
    for name in ("docs", "results"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("README.md", "CONTRIBUTING.md"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


@pytest.mark.slow
def test_the_pages_are_up_to_date():
    run = generate(ROOT, "--check")
    assert run.returncode == 0, run.stderr


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_an_edited_table_is_found_and_mended(copy, page):
    path = copy / page
    whole = path.read_text("utf-8")
    path.write_text(whole.replace("<!-- end -->", "| by hand |\n<!-- end -->", 1), "utf-8")
    run = generate(copy, "--check")
    assert run.returncode == 1
    assert page in run.stderr
    assert generate(copy).returncode == 0
    assert path.read_text("utf-8") == whole


@pytest.mark.slow
def test_an_edited_picture_is_found_and_mended(copy):
    path = copy / "docs" / "images" / "collapse.svg"
    whole = path.read_text("utf-8")
    path.write_text(whole.replace("directspec+", "ours"), "utf-8")
    assert "docs/images/collapse.svg: found" in generate(copy, "--check").stderr
    path.unlink()
    assert generate(copy).returncode == 0
    assert path.read_text("utf-8") == whole


@pytest.mark.slow
def test_a_changed_result_changes_its_page(copy):
    path = copy / "results" / "speed.json"
    text = path.read_text("utf-8")
    path.write_text(text.replace('"epoch_seconds": 0.319', '"epoch_seconds": 7.319'), "utf-8")
    assert "docs/benchmarks.md: found" in generate(copy, "--check").stderr


@pytest.mark.parametrize("page", PAGES)
def test_prose_states_no_figure(page):
    """A figure in a sentence has no file behind it, and grows old unseen."""
    prose = GENERATED.sub("", (ROOT / page).read_text("utf-8"))
    assert not [found[0] for found in FIGURE.finditer(prose)]


@pytest.mark.parametrize("page", PAGES)
def test_cells_are_for_readers(page):
    """What a table shows is text and figures, and no dictionary of Python."""
    rows = [line for line in (ROOT / page).read_text("utf-8").splitlines() if line[:1] == "|"]
    assert not [row for row in rows if re.search(r"\{['\"]\w+['\"]: ", row)]


@pytest.mark.parametrize("text", ["nDCG@20 .2344", "0.2344", "in 38 s", "0.32 ms", "97 % of it"])
def test_the_search_for_figures_finds_them(text):
    assert FIGURE.search(text)


def test_every_file_of_results_is_shown():
    """No result is measured and then hidden, except figures behind a picture that is linked."""
    read = {
        name
        for path in (ROOT / "docs" / "tables").glob("*.py")
        for name in re.findall(r'load\(f?"([\w/{}.-]+)"\)', path.read_text("utf-8"))
    }
    patterns = [re.sub(r"\{[^}]*\}", "[^/]*", name) + r"\.json" for name in read]
    files = (ROOT / "results").rglob("*.json")
    names = [path.relative_to(ROOT / "results").as_posix() for path in files]
    claims = (ROOT / "docs" / "claims.md").read_text("utf-8")
    hidden = [name for name in names if not any(re.fullmatch(p, name) for p in patterns)]
    assert not [name for name in hidden if not shown_by_the_lab(name, claims)]


def shown_by_the_lab(name, claims):
    """Sections are linked in the claims; the runs behind them are no results of their own."""
    return "/runs/" in name or f"](../results/{name})" in claims


def test_links_lead_somewhere():
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[\w-]*)?\)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_figures_are_printed_as_said():
    command = [sys.executable, "-m", "doctest", str(ROOT / "docs" / "tables" / "markdown.py")]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout


def test_a_gpu_gives_the_metrics_of_the_processor():
    """As docs/benchmarks.md says of the two files."""
    here, there = (
        {
            run["what"].removesuffix(" --device cuda"): run
            for run in json.loads((ROOT / "results" / f"{name}.json").read_text())["fits"]
        }
        for name in ("speed", "gpu")
    )
    assert there.keys() == here.keys()
    for what, run in there.items():
        names = [name for name in run if "@" in name]
        assert len(names) == 4
        assert [run[name] for name in names] == [here[what][name] for name in names]
