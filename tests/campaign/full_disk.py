"""A disk that fills up: one clear line, what was there before untouched, nothing left behind."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from children import Result, cli, operations, strike
from common import Setting, Tally, digests, events, fit, litter, remove, resume, state_of
from jobs import QUICK, well

KIB = 1024
STRUCK = 120
"""Cases where one operation finds the disk full, and all others have room."""


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """A disk of 4 MiB at a folder; whether there is one, which needs the rights of root."""
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    there = (
        os.geteuid() == 0 and not subprocess.run(words, capture_output=True, check=False).returncode
    )
    try:
        yield there
    finally:
        if there:
            subprocess.run(["umount", "-l", folder], check=True)


def fill(disk: Path, leave: int) -> None:
    """Writes a file that leaves so many bytes of the disk."""
    status = os.statvfs(disk)
    room = status.f_bavail * status.f_frsize - leave
    (disk / "filler").write_bytes(b"\0" * max(room, 0))


def empty(disk: Path) -> None:
    """Removes all that is on the disk."""
    for path in disk.iterdir():
        remove(path)


class Fits:
    """Fits on a disk with little room, into an empty folder or over a model."""

    def __init__(self, setting: Setting, data: Path) -> None:
        self.words = fit(data)
        self.new, self.old = setting.work / "new", setting.work / "old"
        well(cli(*self.words, "-o", self.new))
        well(cli(*self.words, "-o", self.old, "--seed", 1))

    def prepare(self, out: Path, *, over: bool) -> None:
        """Puts the older model in place, or nothing."""
        remove(out)
        if over:
            shutil.copytree(self.old, out)

    def trouble(self, result: Result, out: Path, *, over: bool) -> str:
        """What is wrong after a fit that may have found the disk full."""
        if result.trouble():
            return result.trouble()
        wanted = self.new if result.code == 0 else self.old if over else None
        state = state_of(out)
        if wanted is None:
            return "" if state == "none" else f"refused, and a model that is {state}"
        if state != "whole" or digests(out) != digests(wanted):
            return f"code {result.code}, and a model that is {state}, and not the expected one"
        rest = litter(out) if out.is_dir() else []
        return f"leaves {rest}" if rest else ""

    def with_room(self, out: Path) -> tuple[str, Result]:
        """What is wrong with the same command once there is room."""
        result = cli(*self.words, "-o", out, *resume(out))
        if result.code:
            return f"with room again: {result.last}", result
        good = digests(out) == digests(self.new) and not litter(out)
        return "" if good else "with room again: other bits, or something left", result


def filled_fits(setting: Setting, tally: Tally, fits: Fits, disk: Path) -> None:
    """Every amount of room, from none to enough."""
    cases = [(over, room) for over in (False, True) for room in range(0, 60 * KIB, 2 * KIB)]
    for over, room in setting.some(cases):
        empty(disk)
        out = disk / "model"
        fits.prepare(out, over=over)
        fill(disk, room)
        result = cli(*fits.words, "-o", out)
        trouble, results = fits.trouble(result, out, over=over), [result]
        if not trouble and result.code:
            (disk / "filler").unlink()
            trouble, again = fits.with_room(out)
            results.append(again)
        tally.add(f"fit over={over} with {room // KIB} KiB", trouble, *results)


def filled_others(setting: Setting, tally: Tally, data: Path, model: Path, disk: Path) -> None:
    """Every other command that writes, with little room; a file is there before."""
    lists: list[object] = ["recommend", model, "--all"]
    compare: list[object] = ["compare", data, "--methods", "popularity,bpr", "--seeds", "1", *QUICK]
    tune: list[object] = ["tune", data, "--method", "bpr", "--trials", "1", *QUICK]
    cases: list[tuple[str, list[object], int]] = [
        (name, words, room)
        for name, words, most, step in (
            ("lists.csv", lists, 32, 2),
            ("lists.parquet", lists, 32, 2),
            ("lists.jsonl", lists, 32, 2),
            ("parts", ["data", "split", data], 24, 4),
            ("compared", compare, 64, 8),
            ("tuned", tune, 160, 20),
        )
        for room in range(0, most * KIB, step * KIB)
    ]
    for name, words, room in setting.some(cases):
        empty(disk)
        out, before = disk / name, b"x" * 3000
        if out.suffix:
            out.write_bytes(before)
        fill(disk, room)
        result = cli(*words, "-o", out)
        trouble = result.trouble()
        if not trouble and result.code and out.suffix and out.read_bytes() != before:
            trouble = "the older output has changed"
        if not trouble and out.suffix and {path.name for path in disk.iterdir()} - {"filler", name}:
            trouble = f"leaves {sorted(path.name for path in disk.iterdir())}"
        tally.add(f"{name} with {room // KIB} KiB", trouble, result)


def struck_fits(setting: Setting, tally: Tally, fits: Fits) -> None:
    """One operation that finds the disk full, at any point of a fit."""
    out, rng = setting.work / "struck", setting.rng("struck")
    log = setting.work / "operations"
    count = len(operations(out, log, *fits.words, "-o", out, kind="full"))
    for _ in range(setting.count(STRUCK)):
        over, at = rng.random() < 0.5, rng.randrange(1, count + 1)
        fits.prepare(out, over=over)
        result = cli(*fits.words, "-o", out, before=strike(out, at, "full"))
        trouble, results = fits.trouble(result, out, over=over), [result]
        if not trouble and result.code:
            trouble, again = fits.with_room(out)
            results.append(again)
        tally.add(f"fit over={over}, full at operation {at} of {count}", trouble, *results)


def limited_files(setting: Setting, tally: Tally, fits: Fits) -> None:
    """A limit on the size of a file, as quotas and ``ulimit -f`` set it."""
    out = setting.work / "limited"
    for limit in setting.some([0, 100, 1000, 2000, 3000, 4000, 6000, 8000, 12000, 20000]):
        fits.prepare(out, over=True)
        result = cli(*fits.words, "-o", out, before=limited(limit))
        trouble = fits.trouble(result, out, over=True)
        if result.code == 2 and not result.err:  # its own complaint did not fit into the file
            trouble = "" if digests(out) == digests(fits.old) else "the older model has changed"
        tally.add(f"fit with files of at most {limit} bytes", trouble, result)


def limited(size: int) -> Callable[[], None]:
    """What gives a child a limit on the size of its files."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def run(setting: Setting) -> Tally:
    """A full disk in every command that writes."""
    tally = Tally("full disk")
    data = events(setting.work / "events.csv")
    fits = Fits(setting, data)
    with small_disk(setting.work / "disk") as there:
        if there:
            filled_fits(setting, tally, fits, setting.work / "disk")
            filled_others(setting, tally, data, fits.new, setting.work / "disk")
        else:
            tally.counts["no small disk: it needs root"] += 1
    struck_fits(setting, tally, fits)
    limited_files(setting, tally, fits)
    return tally
