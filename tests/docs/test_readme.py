"""The README is short, its commands exist, and running it prints what it shows."""

from __future__ import annotations

import io
import os
import re
import shlex
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
import torch
import two_epochs
from command import fullrank

from fullrank import METHODS, Recommender
from fullrank.data import generate
from fullrank.portfolio.contest import Contest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
DOCS = ("data.md", "evaluation.md", "methods.md", "report.md")
PAGES = [ROOT / "README.md", *(ROOT / "docs" / name for name in DOCS)]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
BLOCKS = FENCE.findall(README)
PYTHON = [body for language, body in BLOCKS if language == "python"]


def dialogue() -> list[tuple[list[str], str]]:
    """The commands of the README that show their output, as words, and what they show."""
    text = next(body for _, body in BLOCKS if body.startswith("$ "))
    parts = re.split(r"^\$ fullrank (.*)\n", text, flags=re.MULTILINE)[1:]
    return [(shlex.split(each), out) for each, out in zip(parts[::2], parts[1::2], strict=True)]


def lines(text: str) -> list[str]:
    """Lines with something on them, but for times and the width that they give a table."""
    timed = re.sub(r"\b\d+(\.\d+)? s\b", "N s", text)
    timed = re.sub(r"─+", "─", re.sub(r"(?<=\S)  +", "  ", timed))
    return [line.rstrip() for line in timed.splitlines() if line.strip()]


def pattern(shown: str) -> str:
    """A regular expression for the output; a line ``...`` stands for any number of lines."""
    return "".join(
        r"(?:.*\n)*?" if line == "..." else re.escape(line) + "\n" for line in lines(shown)
    )


def assert_printed(found: str, shown: str) -> None:
    text = "".join(f"{line}\n" for line in lines(found))
    assert re.fullmatch(pattern(shown), text), found


@pytest.fixture
def at_home(tmp_path, monkeypatch):
    """An empty folder, on a machine whose figures the README has."""
    if "FULLRANK_DATA" not in os.environ:
        pytest.skip("FULLRANK_DATA names no folder with ml-100k")
    if two_epochs.build() not in two_epochs.STORED.read_text("utf-8"):
        pytest.skip(f"the README's figures are not those of {two_epochs.build()}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    # A machine that is busy with other tests must not cut the search short.
    slow = {"clock": lambda: time.perf_counter() / 100}
    monkeypatch.setattr(Contest.__init__, "__kwdefaults__", Contest.__init__.__kwdefaults__ | slow)


@pytest.mark.slow
def test_commands_print_what_the_readme_shows(at_home):
    shown = dialogue()
    assert [words[0] for words, _ in shown] == ["fit", "recommend", "inspect"]
    for words, output in shown:
        assert_printed(run_together(*words), output)


def run_together(*words: str) -> str:
    """Standard output and standard error of a command in the order in which a terminal has them."""
    from fullrank.cli import app

    both = io.StringIO()
    with redirect_stdout(both), redirect_stderr(both):
        app(list(words), standalone_mode=False)
    return both.getvalue()


@pytest.mark.slow
def test_python_prints_what_the_readme_shows(at_home):
    after = next(at for at, (_, body) in enumerate(BLOCKS) if body == PYTHON[0]) + 1
    out = io.StringIO()
    with redirect_stdout(out):
        exec(compile(PYTHON[0], "README.md", "exec"), {})
    assert_printed(out.getvalue(), BLOCKS[after][1])


def test_a_balancer_in_a_loop_of_ones_own():
    rows = {name: torch.randn(32, 8, requires_grad=True) for name in ("user_rows", "item_rows")}
    names = {"torch": torch, **rows}
    exec(compile(PYTHON[1], "README.md", "exec"), names)
    names["loss"].backward()
    assert all(each.grad.abs().sum() > 0 for each in rows.values())


def test_the_page_from_python(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "report.md").read_text("utf-8")
    [block] = [body for language, body in FENCE.findall(page) if language == "python"]
    model = Recommender("popularity").fit(generate(30, 20, 100, seed=0))
    exec(compile(block, "report.md", "exec"), {"model": model})
    assert "Recommendation model" in (tmp_path / "page.html").read_text("utf-8")


def test_what_is_compared():
    """The comparison above sees a digit and a missing line, and not a time or a blank."""
    shown = "a 0.12\n...\n9.5 s of training\n"
    assert_printed("a 0.12  \nmany\nlines\n\n10.1 s of training\n", shown)
    for other in ("a 0.13\n9 s of training\n", "a 0.12\n9 s of training\nmore\n", "a 0.12\n"):
        with pytest.raises(AssertionError):
            assert_printed(other, shown)


def test_it_is_short():
    assert len(README.splitlines()) < 200


def commands() -> list[list[str]]:
    """The words after ``fullrank`` of every command in a code block of a page."""
    blocks = "".join(body for page in PAGES for _, body in FENCE.findall(page.read_text("utf-8")))
    found = re.findall(r"^(?:\$ )?fullrank (.*)$", blocks, flags=re.MULTILINE)
    return [shlex.split(line, comments=True) for line in found]


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_commands_and_options_exist(words):
    verb = words[:2] if words[0] == "data" else words[:1]
    run = fullrank(*verb, "--help")
    assert run.code == 0, run.err
    for option in (word for word in words if word.startswith("-")):
        assert re.search(rf"{re.escape(option)}\b", run.out), option


def test_the_page_of_methods_names_every_method():
    page = (ROOT / "docs" / "methods.md").read_text("utf-8")
    rows = [line for line in page[: page.index("```")].splitlines() if line.startswith("| ")]
    table = "\n".join(rows[1:])
    assert set(re.findall(r"`([\w+-]+)`", table)) == set(METHODS)
