"""The code blocks of the pages, and how they are run.

A block says by its language what it is: ``python`` and ``sh`` are run, in the order of the page, in
one folder and one namespace; ``text`` is what the blocks before it print. A block below a line
``<!-- not run: why -->`` is for another machine, or takes too long; its options are checked alone.
"""

from __future__ import annotations

import io
import re
import shlex
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple

import pytest
import two_epochs

from fullrank.portfolio.contest import Contest

ROOT = Path(__file__).parents[2]
DOCS = sorted((ROOT / "docs").rglob("*.md"))
FENCE = re.compile(
    r"(?:^<!-- not run: (.+?) -->\n\n?)?^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE
)


class Block(NamedTuple):
    why_not: str
    """Reason that it is not run, or nothing."""
    language: str
    body: str

    @property
    def joined(self) -> str:
        """Its text, with lines that end in a backslash and the next as one."""
        return self.body.replace("\\\n", " ")

    @property
    def commands(self) -> list[list[str]]:
        """The words after ``fullrank`` of every command in it."""
        found = re.findall(r"^(?:\$ )?fullrank (.*)$", self.joined, flags=re.MULTILINE)
        return [shlex.split(line, comments=True) for line in found]


def blocks_of(page: Path) -> list[Block]:
    return [Block(*found) for found in FENCE.findall(page.read_text("utf-8"))]


def lines(text: str) -> list[str]:
    """Lines with something on them, but for times and the width that they give a table."""
    timed = re.sub(r"\b\d+(\.\d+)? s\b", "N s", text)
    timed = re.sub(r"─+", "─", re.sub(r"(?<=\S)  +", "  ", timed))
    return [line.rstrip() for line in timed.splitlines() if line.strip()]


def pattern(shown: str) -> str:
    """A regular expression for the output; ``...`` stands for any lines, or the rest of one."""
    made = ""
    for line in lines(shown):
        start, rest = (line[:-3], r".*\n") if line.endswith(" ...") else (line, r"\n")
        made += r"(?:.*\n)*?" if line == "..." else re.escape(start) + rest
    return made


def assert_printed(found: str, shown: str) -> None:
    text = "".join(f"{line}\n" for line in lines(found))
    assert re.fullmatch(pattern(shown), text), found


def run_together(*words: str) -> str:
    """Standard output and standard error of a command in the order in which a terminal has them."""
    from fullrank.cli import app

    both = io.StringIO()
    with redirect_stdout(both), redirect_stderr(both):
        app(list(words), standalone_mode=False)
    return both.getvalue()


def run_page(page: Path, compared: bool) -> None:
    """Runs the blocks of a page in the folder of the process.

    Args:
        page: The page.
        compared: Whether the figures that it shows are those of this machine.
    """
    names: dict[str, object] = {}
    printed = ""
    for block in blocks_of(page):
        if block.why_not:
            continue
        if block.language == "text":
            if compared:
                assert_printed(printed, block.body)
            printed = ""
        elif block.language == "python":
            out = io.StringIO()
            with redirect_stdout(out):
                exec(compile(block.body, str(page), "exec"), names)
            printed += out.getvalue()
        else:
            printed += "".join(run_together(*words) for words in block.commands)


def figures_are_ours() -> bool:
    """Whether the kernels here are those that the figures of the pages were printed with."""
    return two_epochs.build() in two_epochs.STORED.read_text("utf-8")


def at_leisure(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is busy with other tests must not cut the search of `auto` short."""
    slow = {"clock": lambda: time.perf_counter() / 100}
    monkeypatch.setattr(Contest.__init__, "__kwdefaults__", Contest.__init__.__kwdefaults__ | slow)
    monkeypatch.setenv("COLUMNS", "80")
