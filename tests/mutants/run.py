"""Turns statements of the code round, one at a time, and asks whether a test notices.

    python tests/mutants/run.py [--only WORD] [--seconds 60]

Each mutant is a copy of ``src`` with one passage replaced, against which the tests named beside it
run. Prints ``killed`` or ``SURVIVED`` for each; the exit code is the number of survivors.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]


class Mutant(NamedTuple):
    """A passage of a file of the package, what takes its place, and the tests that should fail."""

    file: str
    old: str
    new: str
    tests: str


SIGNIFICANCE = "evaluation/significance.py"
COMPARE, TABLES, TUNE = "studies/compare.py", "studies/tables.py", "studies/tune.py"
TRIALS, SPLITS = "studies/trials.py", "data/splits.py"
STATEMENTS = "tests/studies/test_statements.py"
TUNING = "tests/studies/test_tune.py"
SPLITTING = "tests/data/test_splits.py"
TOP_K = "tests/serving/test_top_k.py tests/serving/test_finite.py"
STORED = "tests/serving/test_stored_checks.py"

MUTANTS = (
    Mutant(SIGNIFICANCE, "gain = one - other", "gain = other - one", STATEMENTS),
    Mutant(SIGNIFICANCE, "(one, other, equal_var", "(other, one, equal_var", STATEMENTS),
    Mutant(SIGNIFICANCE, "equal_var=False", "equal_var=True", STATEMENTS),
    Mutant(SIGNIFICANCE, "(len(known) - rank)", "len(known)", STATEMENTS),
    Mutant(SIGNIFICANCE, "max(largest, min(1.0, p", "max(0.0, min(1.0, p", STATEMENTS),
    Mutant(COMPARE, "holm(by_users)", "by_users", STATEMENTS),
    Mutant(COMPARE, "holm(by_seeds)", "by_seeds", STATEMENTS),
    Mutant(COMPARE, "-(means[label] or 0.0)", "(means[label] or 0.0)", STATEMENTS),
    Mutant(COMPARE, "better_for_users(mine, its)", "better_for_users(its, mine)", STATEMENTS),
    Mutant(
        COMPARE,
        "better_over_seeds(self.values(best, name), self.values(label, name))",
        "better_over_seeds(self.values(label, name), self.values(best, name))",
        STATEMENTS,
    ),
    Mutant(COMPARE, "ddof=1", "ddof=0", STATEMENTS),
    Mutant(TABLES, "p < LEVEL", "p > LEVEL", STATEMENTS),
    Mutant(TABLES, "p < LEVEL", "p <= LEVEL", STATEMENTS),
    Mutant(TABLES, "LEVEL = 0.01", "LEVEL = 0.05", STATEMENTS),
    Mutant(TABLES, "bool(found) and all(", "bool(found) and any(", STATEMENTS),
    Mutant(TABLES, "label == order[1]", "label == order[-1]", STATEMENTS),
    Mutant(TUNE, 'direction="maximize"', 'direction="minimize"', TUNING),
    Mutant(TUNE, "best = max(done", "best = min(done", TUNING),
    Mutant(TRIALS, "value <= self.value", "value >= self.value", TUNING),
    Mutant(TRIALS, "SeedSequence([seed, number])", "SeedSequence([seed])", TUNING),
    Mutant(
        TUNE,
        'Best(trial.value for trial in earlier if trial.state.name == "COMPLETE")',
        "Best()",
        TUNING,
    ),
    Mutant(SPLITS, "time >= how", "time > how", SPLITTING),
    Mutant(SPLITS, "early = time < how", "early = time <= how", SPLITTING),
    Mutant(SPLITS, "train = time < how", "train = time >= how", SPLITTING),
    Mutant(SPLITS, "np.maximum(degree - 1, 0)", "degree", SPLITTING),
    Mutant(SPLITS, "fraction * degree", "(1 - fraction) * degree", SPLITTING),
    Mutant(
        SPLITS,
        "data.select(~held), data.select(held)",
        "data.select(held), data.select(~held)",
        SPLITTING,
    ),
    Mutant(SPLITS, "needed = 3 if validation else 2", "needed = 2", SPLITTING),
    Mutant(SPLITS, "np.maximum.reduceat(position", "np.minimum.reduceat(position", SPLITTING),
    Mutant(SPLITS, "np.maximum.reduceat(time", "np.minimum.reduceat(time", SPLITTING),
    Mutant("serving/top_k.py", "high >= min(known)", "high > min(known)", TOP_K),
    Mutant("serving/top_k.py", "scores < np.inf", "scores <= np.inf", TOP_K),
    Mutant("serving/top_k.py", "~candidates", "candidates", TOP_K),
    Mutant("serving/top_k.py", "descending=True, stable=True", "descending=True", TOP_K),
    Mutant("serving/finite.py", "if not longest[0] * longest[1] < LARGEST", "if False", TOP_K),
    Mutant("serving/finite.py", "_largest(users) * _largest(items)", "_largest(users)", TOP_K),
    Mutant(
        "serving/stored_checks.py", 'row_numbers("indices", indices, n_columns)', "pass", STORED
    ),
    Mutant(
        "serving/stored_checks.py",
        "row_pointers(starts.numpy(), len(starts) - 1, nnz)",
        "starts.numpy()",
        STORED,
    ),
    Mutant("serving/stored_checks.py", "found.dtype != dtype or not fits", "not fits", STORED),
    Mutant("data/checks.py", "high >= n", "high > n", "tests/data/test_border.py"),
    Mutant("data/checks.py", "low < 0 or high", "high", "tests/data/test_border.py"),
    Mutant(
        "data/checks.py",
        "item_idx[1:] <= item_idx",
        "item_idx[1:] < item_idx",
        "tests/data/test_border.py",
    ),
)


def verdict(mutant: Mutant, source: Path, seconds: float) -> str:
    """``SURVIVED`` if the tests pass although the passage was replaced, else ``killed``.

    A mutant that hangs is noticed as well; ``slow`` says so, for a machine may be slow, too.
    """
    file = source / "fullrank" / mutant.file
    text = file.read_text(encoding="utf-8")
    if mutant.old not in text:
        raise SystemExit(f"{mutant.file}: found no {mutant.old!r}; expected the passage to replace")
    file.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
    try:
        return "SURVIVED" if passes(mutant.tests, source, seconds) else "killed"
    except subprocess.TimeoutExpired:
        return "slow"
    finally:
        file.write_text(text, encoding="utf-8")


def passes(tests: str, source: Path, seconds: float) -> bool:
    """Whether tests pass on the package in ``source``."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
    command += ["-m", "not slow", *tests.split()]
    env = os.environ | {"PYTHONPATH": str(source), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, timeout=seconds, check=False
    )
    return done.returncode == 0


def main() -> int:
    """Runs the mutants; returns the number of survivors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="Mutants of files with this in their names.")
    parser.add_argument("--seconds", type=float, default=60, help="Longest run of one mutant.")
    options = parser.parse_args()
    chosen = [mutant for mutant in MUTANTS if options.only in mutant.file]
    found = []
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "src"
        shutil.copytree(ROOT / "src", source, ignore=shutil.ignore_patterns("__pycache__"))
        for tests in sorted({mutant.tests for mutant in chosen}):
            if not passes(tests, source, 10 * options.seconds):
                raise SystemExit(f"{tests}: found a failure without a mutant; expected none")
        for mutant in chosen:
            found.append(verdict(mutant, source, options.seconds))
            line = f"{found[-1]:9} {mutant.file}: {mutant.old} -> {mutant.new}\n"
            sys.stdout.write(line)
            sys.stdout.flush()
    counts = ", ".join(f"{found.count(word)} {word}" for word in ("killed", "slow", "SURVIVED"))
    sys.stdout.write(f"{len(found)} mutants: {counts}\n")
    return found.count("SURVIVED")


if __name__ == "__main__":
    raise SystemExit(main())
