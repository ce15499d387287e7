"""Every code block of the pages in docs/ runs, or says why not; its commands and options exist."""

from __future__ import annotations

import os
import re
import shlex
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
import typer
from command import fullrank
from pages import (
    DOCS,
    ROOT,
    Block,
    assert_printed,
    blocks_of,
    figures_are_ours,
    run_page,
)
from safetensors.torch import save_file

import fullrank as fr
from fullrank.cli import app

ELSEWHERE = {"adding-a-method.md", "own-model.md"}
"""Have tests of their own, which run them: test_adding_a_method.py, test_own_model.py."""
QUICK = {"method.md", "methods.md"}
RUN = {"python", "sh"}
PAGES = [ROOT / "README.md", *DOCS]
WITH_CODE = [
    page
    for page in DOCS
    if page.name not in ELSEWHERE
    and any(block.language in RUN and not block.why_not for block in blocks_of(page))
]


def furnish(text: str) -> None:
    """The files that a page takes as given, in the folder of the process."""
    if "events." in text:
        made = fr.generate(150, 100, 2500, seed=0, timestamps=True).to_frame()
        made = made.with_columns(when="timestamp")
        made.write_csv("events.csv")
        made.write_parquet("events.parquet")
    if "films" in text:
        data = fr.load("ml-100k")
        settings = {"alpha": 0.6, "tau": 3.0, "lr": 2.0, "epochs": 1, "dim": 16}
        fr.Recommender("directspec+", **settings).fit(data).save("films")
    if "items.npy" in text:
        generator = torch.Generator().manual_seed(0)
        rows = {"users": torch.randn(943, 16, generator=generator)}
        rows["items"] = torch.randn(1682, 16, generator=generator)
        np.save("items.npy", rows["items"].numpy())
        save_file(rows, "towers.safetensors")


@pytest.mark.parametrize(
    "page",
    [pytest.param(p, marks=() if p.name in QUICK else pytest.mark.slow) for p in WITH_CODE],
    ids=lambda page: page.name,
)
def test_a_page_runs(page, tmp_path, monkeypatch):
    text = page.read_text("utf-8")
    if "ml-100k" in text and "FULLRANK_DATA" not in os.environ:
        pytest.skip("FULLRANK_DATA names no folder with ml-100k")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    furnish(text)
    run_page(page, compared=figures_are_ours())


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_a_block_says_what_it_is(page):
    for block in blocks_of(page):
        assert block.language in RUN | {"text"} or block.why_not, block.body
        if block.language == "sh" and not block.why_not:
            assert len(block.commands) == len(block.joined.splitlines()), block.body


COMMANDS = {
    (page.name, " ".join(words)): words
    for page in PAGES
    for block in blocks_of(page)
    for words in block.commands
}


@cache
def help_of(*verb: str) -> str:
    run = fullrank(*verb, "--help")
    assert run.code == 0, run.err
    return run.out


def inline(page):
    """The words after ``fullrank`` of commands within sentences."""
    prose = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    return [shlex.split(line) for line in re.findall(r"`fullrank ([^`]+)`", prose)]


INLINE = {(page.name, " ".join(words)): words for page in PAGES for words in inline(page)}
COMMANDS |= INLINE


@pytest.mark.parametrize("words", COMMANDS.values(), ids=map(": ".join, COMMANDS))
def test_commands_have_no_more_arguments_than_they_take(words):
    command = typer.main.get_command(app)
    words = [word for word in words if word not in ("…", "...")]
    while words[:1] != ["--help"] and words and hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    if not hasattr(command, "commands"):
        context = command.context_class(command, resilient_parsing=True)
        _, left, _ = command.make_parser(context).parse_args(words)
        assert not left


@pytest.mark.parametrize("words", COMMANDS.values(), ids=map(": ".join, COMMANDS))
def test_commands_and_options_exist(words):
    shown = help_of(*(words[:2] if words[0] == "data" else words[:1]))
    for option in (word for word in words if word.startswith("-")):
        assert re.search(rf"{re.escape(option)}\b", shown), option


def test_what_is_compared():
    """The comparison sees a digit and a missing line, and not a time or a blank."""
    shown = "a 0.12\n...\n9.5 s of training\n"
    assert_printed("a 0.12  \nmany\nlines\n\n10.1 s of training\n", shown)
    assert_printed("users: 31 of 64\n", "users: ...\n")
    for other in ("a 0.13\n9 s of training\n", "a 0.12\n9 s of training\nmore\n", "a 0.12\n"):
        with pytest.raises(AssertionError):
            assert_printed(other, shown)


def page_of(tmp_path: Path, *parts: str) -> Path:
    page = tmp_path / "page.md"
    page.write_text("\n".join(parts), "utf-8")
    return page


def test_a_block_that_fails_is_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wrong = "```python\nprint(1)\n```", "```text\n2\n```"
    with pytest.raises(AssertionError):
        run_page(page_of(tmp_path, *wrong), compared=True)
    run_page(page_of(tmp_path, *wrong), compared=False)
    with pytest.raises(fr.DataError):
        run_page(page_of(tmp_path, "```sh\nfullrank data describe none.csv\n```"), compared=True)
    marked = page_of(
        tmp_path, "<!-- not run: no such file -->", "```sh\nfullrank fit none.csv\n```"
    )
    assert blocks_of(marked) == [Block("no such file", "sh", "fullrank fit none.csv\n")]
    run_page(marked, compared=True)
