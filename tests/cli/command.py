"""Running the command as a user does."""

from __future__ import annotations

import io
import json
import sys
import warnings
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from fullrank.cli import main

COLUMNS = ("--user-column", "Customer No", "--item-column", "SKU")
QUICK = ("--set", "epochs=3", "--set", "batch_size=64", "--dim", "8", "--threads", "1")


class Run:
    """What a command did."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self) -> Any:
        def refuse(text: str) -> None:
            raise AssertionError(f"{text} is not strict JSON")

        return json.loads(self.out, parse_constant=refuse)


def fullrank(*arguments: object, cwd: Path | None = None) -> Run:
    """Runs the command as the entry point does, in this process to spare the imports."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["fullrank", *map(str, arguments)])
        patch.setattr(warnings, "showwarning", warnings.showwarning)
        if cwd is not None:
            patch.chdir(cwd)
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
    return Run(code, out.getvalue(), err.getvalue())


def assert_refused(run: Run, *words: str) -> None:
    """One line on standard error with all the words, exit code 2, nothing else."""
    assert run.code == 2, run.err
    assert run.out == ""
    lines = [line for line in run.err.splitlines() if line]
    assert len(lines) == 1, run.err
    assert lines[0].startswith("error: ")
    for word in words:
        assert word in lines[0]
