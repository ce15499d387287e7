"""The README is short, and running it prints what it shows."""

from __future__ import annotations

import io
import os
import re
import shlex
from contextlib import redirect_stdout

import pytest
import torch
from pages import ROOT, assert_printed, at_leisure, blocks_of, figures_are_ours, run_together

import fullrank as fr
from fullrank import METHODS
from fullrank.evaluation import PROTOCOLS

README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = [(block.language, block.body) for block in blocks_of(ROOT / "README.md")]
PYTHON = [body for language, body in BLOCKS if language == "python"]


def dialogue() -> list[tuple[list[str], str]]:
    """The commands of the README that show their output, as words, and what they show."""
    text = next(body for _, body in BLOCKS if body.startswith("$ "))
    parts = re.split(r"^\$ fullrank (.*)\n", text, flags=re.MULTILINE)[1:]
    return [(shlex.split(each), out) for each, out in zip(parts[::2], parts[1::2], strict=True)]


@pytest.fixture
def at_home(tmp_path, monkeypatch):
    """An empty folder, on a machine whose figures the README has."""
    if "FULLRANK_DATA" not in os.environ:
        pytest.skip("FULLRANK_DATA names no folder with ml-100k")
    if not figures_are_ours():
        pytest.skip("the README's figures are those of other kernels")
    monkeypatch.chdir(tmp_path)
    at_leisure(monkeypatch)


@pytest.mark.slow
def test_commands_print_what_the_readme_shows(at_home):
    shown = dialogue()
    assert [words[0] for words, _ in shown] == ["fit", "recommend", "inspect"]
    for words, output in shown:
        assert_printed(run_together(*words), output)
    # What was fitted is no worse than the closed form that is hard to beat there.
    training = fr.Recommender.load("films").training
    board = {line["method"]: line["validation_ndcg@20"] for line in training["auto"]["leaderboard"]}
    assert training["validation_ndcg@20"] >= board["ease"] > 0.23
    assert board["ease"] > board["popularity"]
    assert training["auto"]["seconds"] < training["auto"]["budget"]


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


def test_it_is_short():
    assert len(README.splitlines()) < 150


def test_the_page_of_evaluation_names_every_metric():
    page = (ROOT / "docs" / "evaluation.md").read_text("utf-8")
    section = page[: page.index("## Is the test part")]
    assert [name for name in PROTOCOLS["standard"].metrics if f"`{name}`" not in section] == []


def test_the_page_of_methods_names_every_method():
    page = (ROOT / "docs" / "methods.md").read_text("utf-8")
    rows = [line for line in page[: page.index("```")].splitlines() if line.startswith("| ")]
    table = "\n".join(rows[1:])
    assert set(re.findall(r"`([\w+-]+)`", table)) == set(METHODS)
