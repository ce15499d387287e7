"""Every numeral in prose is a setting, a size or a name, and is listed here; none was measured.

Measured figures stand in the tables that docs/generate.py makes of results/ (test_tables.py), and
printed output in the README's blocks, which are run (test_readme.py).
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from fullrank import DataError, read
from fullrank.methods import build_method
from fullrank.presets import presets

ROOT = Path(__file__).parents[2]
KERNELS = "src/fullrank/native/kernels/README.md"
PAGES = ["README.md", "CONTRIBUTING.md", KERNELS]
PAGES += [path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "docs").rglob("*.md"))]

FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
INDENTED = re.compile(r"(?<=\n\n)(?: {4}.*\n)+")
DIRECTIVE = re.compile(r"^::: .*\n(?: {4}.*\n)*", re.MULTILINE)
TABLE = re.compile(r"<!-- table [\w-]+ -->\n.*?<!-- end -->", re.DOTALL)
# Names such as C++17, x86-64 or ndcg@20 are one word with their digits.
NOT_PROSE = re.compile(
    r"`[^`]*`|\]\([^)]*\)|<[^>\s][^>]*>|[\w+@-]*[A-Za-z+@]-?[\w.]*\d[\w-]*|^\d\. ", re.M
)
# What is counted by its name: equation 4, propositions 3 and 4.
NAMED = re.compile(
    r"\b(?:algorithm|equation|figure|proposition|table)s? \d+(?:(?:, \d+)* (?:to|and) \d+)?", re.I
)
NUMERAL = re.compile(r"(?<![\w.])[\d.,]*\d(?: ?[%×])?")

FORMULAS = ("σ (1 − α σ²ᴸ)", "1 + α w", "1 / √(d_u d_i)", "N = 1", "(0, 1)", "(equation 3)")
SETTINGS: dict[str, tuple[str, ...]] = {
    "README.md": ("table of 64 numbers a row"),
    "CONTRIBUTING.md": (
        "Python 3.11 to 3.13",
        "Algorithm 1, DirectSpec",
        "from 1 |",
        "at most 300 lines",
    ),
    KERNELS: ("at most 80", "with 1, 2 and 3 threads", "have the weight 1 / occurrences"),
    "docs/allpass.md": (
        *("is Algorithm 1 of", "the limit of Algorithm 1", " Algorithm 1 repeats H"),
        *("1 keeps the singular values, 0 sets each to one", "largest pair has the weight 1"),
        *("is p = 1: its γ", "T^(−1/2L)", "σ* → 1 for all", "U Vᵀ, p = 0.", "1 / (1 / σ + 1 / σ*)"),
        *("Algorithm 1 stops", "Algorithm 1 leaves", "p between 0 and 1", "of Algorithm 1 but"),
        *("√(2 s)", "U S^(p/2) and V S^(p/2)", "U S^(p/2), V S^(p/2)", "k at p = 0, and"),
        *("and p = 0 against", "variance 1 / m", "up to 1,024, counted", "(p = 0) is best"),
        *("p = ½ and p = 1 rank", "10⁻³ s", "2 k + 128 vectors", "V S^(p−1) Vᵀ"),
    ),
    "docs/benchmarks.md": (
        "d = 64, and B = 256",
        "the top 20 of all users",
        "128 dimensions, on Gowalla 256",
        "always ranks 10,000 users",
    ),
    "docs/inspect.md": (
        *("EUSIPCO 2007", "ICML 2023", "ACM 2007", "ICML 2024", "NeurIPS 2022", "Nature 2019"),
        *("ACL 2022", "Pastur 1967", "Donoho 2014", "EMNLP 2019", "ICML 2020", "et al. 2017"),
        *("equation 14", "**Algorithm 1**"),
    ),
    "docs/claims.md": ("Algorithm 2 works",),
    "docs/data.md": ("ISO 8601", "A row of weight 0", "the 5-core"),
    "docs/evaluation.md": (
        *("where p < 0.01 and", "at p < 0.05 in", "a 95 % interval", "with 1,000 resamples"),
        *("(R RᵀR)ᵤᵢ > 0", "from 100,000 users on"),
    ),
    "docs/fidelity.md": (
        *(
            "τ lies in (0,",
            "a τ of 1 hardly",
            "batches of 256",
            "default is 256, their README says 512",
        ),
        *("adds .01 of the squared norms", '"regularization rate 0.01"', "equation 8", "±5"),
        *("512 eigenvectors", ".3 on CiteULike, .1 on Gowalla", ".1 to .5, kept", "β = 2, Adam"),
        *("β = 4 or 5, SGD", "penalty .01 on the filtered", "at distance 0", "h at 1 |"),
        *("deviation .01, h at .01", "keep .7 of", "KDD 2024", "CIKM 2021", "β = .3,", "α = 1 / γ"),
        *("limit T → ∞ of Algorithm 1", "| Algorithm 1 on embeddings", "Euler's rule, 1.2 and"),
    ),
    "docs/glossary.md": (
        *("in Algorithm 1", "of Algorithm 1", "2 means a shared item", "counted for | 10 | 11 |"),
        "counted for | 20 | 20 |",
    ),
    "docs/lab.md": ("after Algorithm 1, by T", "(equation 14,", "Epoch 0 is before"),
    "docs/kernels.md": ("one for 64-bit ARM",),
    "docs/methods.md": (
        *("WWW 2014", "et al., 2017", "ICDM 2011", "CIKM 2021", "SIGIR 2024", "SIGIR 2025"),
        *("SIGIR 2023", "KDD 2024", "TOIS 2024"),
    ),
    "docs/own-model.md": ("down to 0 where", "reaches at α = 0:"),
    "docs/rules.md": ("text in ISO 8601,", "(Steck, RecSys 2018)"),
    "docs/results.md": (
        *(
            "has seed 0",
            "of train, seed 0 (",
            "with d = 64",
            "with, d = 64",
            "B = 256, pairs",
            "B = 1024 for all",
        ),
        *("## Algorithm 1", "of the paper: Algorithm 1 on random 10 × 10 matrices"),
    ),
}
"""Phrases around numerals that were chosen, by page."""


def prose(page: str) -> str:
    text = (ROOT / page).read_text("utf-8")
    for left_out in (TABLE, FENCE, DIRECTIVE, INDENTED):
        text = left_out.sub("", text)
    text = " ".join(NOT_PROSE.sub(" ", text).split())
    for phrase in (*FORMULAS, *SETTINGS.get(page, ())):
        text = text.replace(phrase, " ")
    return NAMED.sub(" ", text)


@pytest.mark.parametrize("page", PAGES)
def test_every_numeral_in_prose_is_listed(page):
    assert not NUMERAL.findall(prose(page))


@pytest.mark.parametrize("page", SETTINGS)
def test_every_listed_phrase_is_there(page):
    text = " ".join(NOT_PROSE.sub(" ", (ROOT / page).read_text("utf-8")).split())
    assert [phrase for phrase in SETTINGS[page] if phrase not in text] == []


@pytest.mark.parametrize(
    "text", ["found .2344 of", "97 % of it", "in 38 s", "0.32 ms", "9 to 1,346"]
)
def test_a_measured_figure_would_be_found(text):
    assert NUMERAL.search(NOT_PROSE.sub(" ", text))


@pytest.mark.parametrize("page", PAGES[1:])
def test_no_other_page_shows_output(page):
    """Its blocks are commands, Python or drawings; test_blocks.py compares those of output."""
    first = ("fullrank ", "make ", "git ", "pip ", "python", "#", " ", "═", "\n")
    for language, body in FENCE.findall((ROOT / page).read_text("utf-8")):
        lines = body.splitlines()
        assert language in ("python", "text") or all(
            not each or each.startswith(first) for each in lines
        )


def load(name: str):
    return json.loads((ROOT / "results" / f"{name}.json").read_text("utf-8"))


def test_settings_in_prose_are_those_of_the_code_and_the_files():
    """d, B and the like as the pages say them."""
    assert build_method("directspec+", {}).dim == 64
    assert build_method("directspec+", {}).batch_size == build_method("bpr", {}).batch_size == 256
    assert load("table4")["directspec+, published"]["settings"].get("dim", 64) == 64
    found = {
        data: presets()["fast", "directspec+", data]["dim"] for data in ("citeulike", "gowalla")
    }
    assert found == {"citeulike": 128, "gowalla": 256}
    runs = load("collapse")["runs"].values()
    assert {run["settings"]["dim"] for run in runs} == {64}
    assert {run["settings"]["batch_size"] for run in runs} == {256}
    graph = load("collapse_graph_citeulike")["runs"]
    sizes = {run["settings"]["batch_size"] for name, run in graph.items() if name != "directspec+"}
    assert sizes == {1024}
    gde = build_method("gde", {})
    assert (gde.low, gde.beta, gde.optimizer) == (512, 2.0, "adam")
    assert build_method("spectral", {}).beta == 0.3
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    assert 'requires-python = ">=3.11"' in project
    assert "Python :: 3.13" in project


def test_the_error_that_contributing_shows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = ["user_id,item_id", *(f"u{row},i{row}" for row in range(5)), ",i7"]
    Path("orders.csv").write_text("\n".join(rows))
    with pytest.raises(DataError) as error:
        read("orders.csv")
    page = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    assert f"`{error.value}`" in page
