"""Thousands of cases that the library answers in milliseconds: twenty-five to a child.

A case that ends its child (by a signal, or by a limit) costs itself alone; the rest go on.
"""

from __future__ import annotations

import json
import os
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from children import call, high_water
from common import Setting, Tally, remove

SIZE = 25
SECONDS, MIB = 10.0, 1024.0
"""What one case may take, of time and of memory beyond what was there."""

Attempt = Callable[[Path], str]
"""Does a case on its path; returns ``read`` or ``refused``, or raises `Wrong` or anything else."""


class Wrong(Exception):  # noqa: N818  # an answer, no error of the harness
    """An answer that is neither right nor one clear line."""


class Case(NamedTuple):
    """A case: what it is called, and what makes it at a path below a folder."""

    name: str
    make: Callable[[Path], Path]


def tried(attempt: Attempt, path: Path) -> dict[str, object]:
    """The outcome of one case, in this process."""
    printed = os.lseek(2, 0, os.SEEK_END)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak begins anew
    before, began = high_water(), time.monotonic()
    outcome, trouble = "wrong", ""
    try:
        outcome = attempt(path)
    except Wrong as error:
        trouble = str(error)
    except BaseException as error:
        frames = traceback.extract_tb(error.__traceback__)
        mine = [frame for frame in frames if "/fullrank/" in frame.filename]
        where = f"{Path(mine[-1].filename).name}:{mine[-1].lineno}" if mine else "?"
        trouble = f"traceback: {type(error).__name__} at {where}: {str(error)[:150]}"
    seconds, mib = time.monotonic() - began, high_water()
    if not trouble and seconds > SECONDS:
        trouble = f"slow: {seconds:.0f} s"
    if not trouble and mib - before > MIB:
        trouble = f"memory: {mib - before:.0f} MiB more"
    if not trouble and b"panicked" in os.pread(2, 100_000, printed):
        trouble = "a Rust panic printed on standard error"
    return {"outcome": outcome, "trouble": trouble, "seconds": seconds, "mib": mib}


def run(setting: Setting, tally: Tally, cases: list[Case], attempt: Attempt) -> Tally:
    """Runs cases in children; the files of those that fail stay in the folder of the part."""
    todo, report = list(range(len(cases))), setting.work / "report.jsonl"

    def body(numbers: list[int]) -> None:
        with report.open("w", encoding="utf-8", buffering=1) as file:
            for number in numbers:
                folder = setting.work / f"case-{number}"
                remove(folder)
                folder.mkdir()
                path = cases[number].make(folder)
                outcome = tried(attempt, path)
                file.write(json.dumps(outcome) + "\n")
                if not outcome["trouble"]:
                    remove(folder)

    while todo:
        batch, todo = todo[:SIZE], todo[SIZE:]
        report.write_text("")
        result = call(lambda batch=batch: body(batch), seconds=2 * SECONDS + SIZE)  # type: ignore[misc]
        found = []
        with suppress(ValueError):  # the last line may be cut
            for line in report.read_text(encoding="utf-8").splitlines():
                found.append(json.loads(line))  # noqa: PERF401  # what came before a cut line counts
        for number, each in zip(batch, found, strict=False):
            tally.counts[each["outcome"]] += 1
            name = f"case {number}, {cases[number].name}"
            tally.note(name, each["trouble"], each["seconds"], each["mib"])
        if len(found) < len(batch):
            name = f"case {batch[len(found)]}, {cases[batch[len(found)]].name}"
            how = (result.over and f"over {result.over}") or f"code {result.code}: {result.last}"
            tally.note(name, f"died: {how}", result.seconds, result.mib)
            todo = batch[len(found) + 1 :] + todo
    return tally
