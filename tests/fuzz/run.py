"""Fuzzes every target for a share of some minutes, two at a time: ``make fuzz MINUTES=60``.

    python tests/fuzz/run.py --minutes 60 [--only readers,kernels] [--work fuzz-work]

Prints a line for each target: cases, covered edges, minutes, crashes. The exit code is 1 if there
is a crash; WORK/TARGET/crashes holds its input. A target goes on from WORK/TARGET/corpus.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
KERNELS = HERE.parents[1] / "src" / "fullrank" / "native" / "kernels"
SHARES = {
    "kernels": 5,
    "models": 5,
    "readers": 4,
    "inspect": 2,
    "titles": 1,
    "splits": 1,
    "columnar": 2,
    "rules": 1,
    "filters": 1,
    "packed": 1,
    "lines": 1,
    "queries": 1,
    "requests": 1,
}
"""How the minutes are divided."""
AT_ONCE = 2
SANITIZERS = ("-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all")
FLAGS = ("-std=c++17", "-O2", "-g", "-march=native", "-fno-math-errno", "-pthread")
OPTIONS = ("-max_len=128", "-len_control=0", "-rss_limit_mb=2048", "-timeout=100")


@dataclass
class Outcome:
    """What a target came to."""

    target: str
    seconds: float = 0
    cases: int = 0
    edges: int = 0
    crashes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        found = ", ".join(self.crashes) or "none"
        minutes = f"{self.seconds / 60:.1f} min"
        return f"{self.target:9} {self.cases:>9,} cases {self.edges:>6} edges {minutes:>9}  {found}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--only", default=",".join(SHARES))
    parser.add_argument("--work", type=Path, default=Path("fuzz-work"))
    asked = parser.parse_args()
    targets = asked.only.split(",")
    each = AT_ONCE * 60 * asked.minutes / sum(SHARES[target] for target in targets)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        jobs = [
            pool.submit(fuzz, target, asked.work.resolve() / target, each * SHARES[target])
            for target in sorted(targets, key=lambda target: -SHARES[target])
        ]
        outcomes = [job.result() for job in jobs]
    sys.stdout.write("".join(f"{outcome}\n" for outcome in outcomes))
    sys.exit(any(outcome.crashes for outcome in outcomes))


def fuzz(target: str, work: Path, seconds: float) -> Outcome:
    """Runs a target until its time is over; one whose process ends before is started again."""
    for folder in ("corpus", "crashes"):
        (work / folder).mkdir(parents=True, exist_ok=True)
    command = kernels(work) if target == "kernels" else [sys.executable, str(HERE / "one.py")]
    outcome = Outcome(target)
    end = time.monotonic() + seconds
    for round_ in range(1000):
        left = round(end - time.monotonic())
        if left < 1:
            break
        log = work / f"log-{round_}.txt"
        began = time.monotonic()
        with log.open("wb") as file:
            asked = [*command, *arguments(target, work, left, round_ + 1)]
            subprocess.run(["nice", "-n", "19", *asked], stdout=file, stderr=file, check=False)
        outcome.seconds += time.monotonic() - began
        _count(outcome, log.read_text(errors="replace"))
    outcome.crashes = sorted(
        file.name
        for file in (work / "crashes").iterdir()
        if file.suffix != ".traceback" and not file.name.startswith("slow-unit")
    )
    return outcome


def arguments(target: str, work: Path, seconds: int, seed: int) -> Sequence[str]:
    """What a target is told beside its name."""
    if target != "kernels":
        return [target, str(work), f"--seconds={seconds}", f"--seed={seed}"]
    where = f"-artifact_prefix={work / 'crashes'}/"
    return [*OPTIONS, f"-max_total_time={seconds}", f"-seed={seed}", where, str(work / "corpus")]


def kernels(work: Path) -> list[str]:
    """Builds the kernels with their harness; ``FUZZ_CXX`` names another clang than ``clang++``."""
    program = work / "fuzz-kernels"
    compiler = shlex.split(os.environ.get("FUZZ_CXX", "clang++"))
    source = HERE / "kernels" / "fuzz.cpp"
    subprocess.run(
        [*compiler, *FLAGS, *SANITIZERS, f"-I{KERNELS}", str(source), "-o", str(program)],
        check=True,
    )
    return [str(program)]


def _count(outcome: Outcome, log: str) -> None:
    """Adds the cases that a log counts; its highest coverage is the target's."""
    numbers = [int(number) for number in re.findall(r"^#(\d+)\s", log, re.MULTILINE)]
    outcome.cases += max(numbers, default=0)
    edges = [int(number) for number in re.findall(r"cov: (\d+)", log)]
    outcome.edges = max([outcome.edges, *edges])


if __name__ == "__main__":
    main()
