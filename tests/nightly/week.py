"""A week of nightly runs on ml-100k, killed at random, with a reader that never finds nothing.

    FULLRANK_DATA=../shared/data python tests/nightly/week.py [--nights 7] [--kills 10] [--seed 0]

Each night has the interactions up to its day. Fits begin with the rows of the current version and
pass a gate; kills are spread over the nights at random moments, after each of which the night is
begun anew; in the middle of the week there is a rollback. Meanwhile another process loads
``models/current`` and asks it for a list, again and again. Prints one JSON document; the exit code
is 1 if a reader failed once, or a night has no version.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import polars as pl

from fullrank.nightly import Versions

READER = """
import json, sys, time
from pathlib import Path
from fullrank import Recommender
folder, end = Path(sys.argv[1]), Path(sys.argv[2])
loads, failures, seen = 0, [], set()
while not end.exists():
    try:
        model = Recommender.load(folder / "current")
        assert len(model.recommend([model.users.values[0]], k=5)) == 5
        loads += 1
        seen.add((folder / "current").readlink().name)
    except Exception as error:
        failures.append(f"{type(error).__name__}: {error}")
    time.sleep(0.02)
print(json.dumps({"loads": loads, "failures": failures, "versions_seen": len(seen)}))
"""
FIT = ("--method", "directspec+", "--epochs", "4", "--threads", "1", "--split",
       "time", "--timestamp-column", "timestamp", "--versions", "--unless-worse-than", "current",
       "--tolerance", "5%", "--start-from", "current", "--keep", "3", "--final")  # fmt: skip


def nights_of(count: int, folder: Path) -> list[Path]:
    """Files of the interactions up to the last days, a twentieth of them each."""
    source = Path(os.environ["FULLRANK_DATA"]) / "ml-100k" / "ml-100k.inter"
    table = pl.read_csv(source, separator="\t")
    table = table.rename({name: name.partition(":")[0] for name in table.columns})
    table = table.sort("timestamp", maintain_order=True)
    files = []
    for night in range(count):
        until = int(len(table) * (0.65 + 0.05 * night))
        files.append(folder / f"night-{night}.csv")
        table.head(until).write_csv(files[-1])
    return files


def fit(data: Path, models: Path, killed_after: float | None) -> int:
    """Exit code of a fit; that of a kill where it was still running then."""
    command = [sys.executable, "-m", "fullrank", "fit", str(data), "-o", str(models), *FIT]
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        _, said = run.communicate(timeout=killed_after)
    except subprocess.TimeoutExpired:
        run.send_signal(signal.SIGKILL)
        run.communicate()
        return -signal.SIGKILL
    if run.returncode not in (0, 3):
        sys.stderr.write(said)
    return run.returncode


def week(nights: int, kills: int, seed: int, folder: Path) -> dict[str, Any]:
    """What came of it."""
    rng = random.Random(seed)
    models, end = folder / "models", folder / "end"
    files = nights_of(nights, folder)
    began = time.perf_counter()
    codes = [[fit(files[0], models, None)]]
    longest = time.perf_counter() - began
    reader = subprocess.Popen([sys.executable, "-c", READER, str(models), str(end)],
                              stdout=subprocess.PIPE, text=True)  # fmt: skip
    at = [rng.randrange(1, nights) for _ in range(kills)]
    rolled = []
    try:
        for night in range(1, nights):
            cut = [
                fit(files[night], models, rng.uniform(0, longest)) for _ in range(at.count(night))
            ]
            codes.append([*cut, fit(files[night], models, None)])
            if night == nights // 2:
                versions = Versions(models)
                before = versions.current()
                rolled = [before, versions.rollback()]
    finally:
        end.touch()
        said, _ = reader.communicate()
    versions = Versions(models)
    return {
        "nights": nights,
        "kills_wanted": kills,
        "killed": sum(code == -signal.SIGKILL for each in codes for code in each),
        "exit_codes": codes,
        "rolled_back": rolled,
        "versions_left": versions.names(),
        "unfinished_left": versions.unfinished(),
        "current": versions.current(),
        "reader": json.loads(said),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--nights", type=int, default=7)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="week-"))
    try:
        found = week(arguments.nights, arguments.kills, arguments.seed, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.stdout.write(json.dumps(found, indent=1) + "\n")
    whole = all(each[-1] in (0, 3) for each in found["exit_codes"])
    sys.exit(0 if whole and not found["reader"]["failures"] else 1)


if __name__ == "__main__":
    main()
