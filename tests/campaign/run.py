"""Tries the program with hostile cases, and prints for each part how many failed.

    python tests/campaign/run.py --seed 1 --out results/campaign.json
    python tests/campaign/run.py --seed 1 --only models --share 0.02

The exit code is 1 if a case failed.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", POLARS_MAX_THREADS="1", OPENBLAS_NUM_THREADS="1")

import absurd
import at_once
import checkpoints
import data_files
import embeddings
import full_disk
import item_files
import kills
import models
import nights
import ruled
import sources
import surroundings
from children import warm
from common import Setting, Tally, remove

PARTS: dict[str, Callable[[Setting], Tally]] = {
    "operations": kills.every_operation,
    "random": kills.random_moments,
    "models": models.run,
    "data": data_files.run,
    "checkpoints": checkpoints.run,
    "embeddings": embeddings.run,
    "absurd": absurd.run,
    "at-once": at_once.run,
    "full-disk": full_disk.run,
    "surroundings": surroundings.run,
    "sources": sources.run,
    "rules": ruled.run,
    "versions": nights.run,
    "items": item_files.run,
}
"""The parts, by the name that ``--only`` takes."""
MEMORY = Path("/dev/shm")
"""Where the cases lie if it is there: thousands of times, a disk would be waited for."""


def say(line: str) -> None:
    """Prints a line at once, for a run that takes long."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def commit() -> str:
    """What the campaign ran against."""
    told = [
        "git",
        "-C",
        str(Path(__file__).parent),
        "describe",
        "--always",
        "--dirty",
        "--abbrev=12",
    ]
    done = subprocess.run(told, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def show(tally: Tally) -> None:
    """Prints the line of a part, and its troubles."""
    known = tally.record()
    say(
        f"{tally.name}: {known['cases']} cases, {known['failed']} failed, {known['seconds']} s, "
        f"peak {known['peak_mib']} MiB, longest {known['longest_seconds']:.1f} s "
        f"({known['longest_case']})"
    )
    for kind, number in tally.troubles.most_common():
        say(f"{number:6d} x {tally.examples[kind]}")


def heed() -> None:
    """Lets signals act again that nohup or a shell's background have children ignore."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def keep(path: Path, run: dict[str, object]) -> None:
    """Puts a run into the file, in the place of one with its seed."""
    known = json.loads(path.read_text(encoding="utf-8"))["runs"] if path.is_file() else []
    runs = [each for each in known if each["seed"] != run["seed"]] + [run]
    path.write_text(json.dumps({"runs": runs}, indent=2) + "\n", encoding="utf-8")


def main() -> int:
    """Runs the parts; returns whether a case failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="All cases follow from it.")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--share", type=float, default=1.0, help="Part of the cases to run.")
    parser.add_argument("--out", type=Path, help="JSON file for the figures.")
    parser.add_argument("--work", type=Path, help="Folder for the cases, which is then kept.")
    options = parser.parse_args()
    heed()
    warm()
    package = importlib.import_module("fullrank")
    say(f"fullrank {package.__version__} of {package.__path__[0]}, seed {options.seed}")
    home = MEMORY if MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="campaign-", dir=home) as temporary:
        Path(temporary).chmod(0o755)  # some cases run as another user
        work = (options.work or Path(temporary)).resolve()
        document: dict[str, object] = {
            "seed": options.seed,
            "share": options.share,
            "commit": commit(),
        }
        parts: dict[str, object] = {}
        failed = 0
        for name in options.only:
            remove(work / name)
            (work / name).mkdir(parents=True)
            tally = PARTS[name](Setting(options.seed, options.share, work / name))
            show(tally)
            parts[name] = tally.record()
            failed += tally.failed
            if options.work is None:
                remove(work / name)
            used = [
                resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
            ]
            document["cpu_seconds"] = round(sum(each.ru_utime + each.ru_stime for each in used))
            document["parts"] = parts
            if options.out:
                keep(options.out, document)
    say(f"{failed} failed, {document['cpu_seconds']} s of CPU")
    return int(failed > 0)


if __name__ == "__main__":
    raise SystemExit(main())
