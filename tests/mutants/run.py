"""Turns statements of the code round, one at a time, and asks whether a test notices.

    python tests/mutants/run.py [--only WORD] [--again] [--seconds 90] [--out results/mutants.json]

Each mutant is the package with one passage replaced, against which the tests named beside it run.
Mutants that the file of results has as killed are not tried again without ``--again``; those that
survived are. Prints what became of each and a table by room. The exit code is 1 if one survived
without a reason or could not be tried. Needs a system with ``fork``.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from forked import preload, verdict_of
from mutant import ROOT, Mutant, Verdict
from rooms import auditing, evaluation, nightly, rules, search, serving, sources, splits, studies

ROOMS = {
    "studies": studies.MUTANTS,
    "evaluation": evaluation.MUTANTS,
    "splits and tables of pairs": splits.MUTANTS,
    "serving": serving.MUTANTS,
    "auditing": auditing.MUTANTS,
    "search in fit": search.MUTANTS,
    "rules": rules.MUTANTS,
    "nightly": nightly.MUTANTS,
    "data where they lie": sources.MUTANTS,
}
TIMES = itertools.count(1_000_000_000)
HEADS = ("killed", "survived, with a reason", "survived")


def main() -> int:
    """Runs the mutants; returns 1 where one survived without a reason."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="Mutants of files with this in their names.")
    parser.add_argument("--again", action="store_true", help="Try all of them again.")
    parser.add_argument("--seconds", type=float, default=90, help="Longest run of one mutant.")
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "mutants.json")
    options = parser.parse_args()
    known = {} if options.again else stored(options.out)
    jobs = {each.key(): (room, each) for room, mutants in ROOMS.items() for each in mutants}
    killed = {key for key, each in known.items() if each["word"] == "killed"}
    new = {
        key: job for key, job in jobs.items() if key not in killed and options.only in job[1].file
    }
    preload()
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "src"
        shutil.copytree(ROOT / "src", source, ignore=shutil.ignore_patterns("__pycache__"))
        check_tests([mutant for _, mutant in new.values()], source, 10 * options.seconds)
        for key, (room, mutant) in new.items():
            known[key] = record(room, mutant, tried(mutant, source, options.seconds), key)
            say(known[key])
            keep(options.out, [known[each] for each in jobs if each in known])
    records = [known[each] for each in jobs if each in known]
    keep(options.out, records)
    sys.stdout.write(f"{table(records)}\n")
    return int(any(outcome(each) == "survived" for each in records))


def check_tests(mutants: Sequence[Mutant], source: Path, seconds: float) -> None:
    """Sees that the tests pass on the package as it is.

    Raises:
        SystemExit: one does not.
    """
    for tests in dict.fromkeys(mutant.tests for mutant in mutants):
        verdict = verdict_of(tests, source, seconds)
        if verdict.word != "SURVIVED":
            raise SystemExit(f"{tests}: found {verdict} without a mutant; expected no failure")


def tried(mutant: Mutant, source: Path, seconds: float) -> Verdict:
    """What the tests say of the package with this mutant in it."""
    file = source / "fullrank" / mutant.file
    text = file.read_text(encoding="utf-8")
    write(file, mutant.mutated())
    try:
        return verdict_of(mutant.tests, source, seconds)
    finally:
        write(file, text)


def write(file: Path, text: str) -> None:
    """Writes a source file with a time of its own, so that no bytecode of another one is taken.

    Bytecode is known by the size of its source and the second in which that was written.
    """
    file.write_text(text, encoding="utf-8")
    os.utime(file, (now := next(TIMES), now))


def record(room: str, mutant: Mutant, verdict: Verdict, key: str) -> dict[str, Any]:
    """A mutant and its verdict, for JSON."""
    passages = {"file": mutant.file, "old": mutant.old, "new": mutant.new}
    return {"room": room, **passages, **verdict._asdict(), "reason": mutant.reason, "key": key}


def outcome(each: dict[str, Any]) -> str:
    """The column of the table that a mutant counts in."""
    if each["word"] in ("killed", "slow"):
        return "killed"
    return (
        "survived, with a reason" if each["word"] == "SURVIVED" and each["reason"] else "survived"
    )


def table(records: Sequence[dict[str, Any]]) -> str:
    """Counts by room."""
    lines = [f"{'room':28}{'mutants':>8}" + "".join(f"{head:>25}" for head in HEADS)]
    for room in (*ROOMS, ""):
        mine = [outcome(each) for each in records if room in ("", each["room"])]
        counts = "".join(f"{mine.count(head):>25}" for head in HEADS)
        lines.append(f"{room or 'all':28}{len(mine):>8}{counts}")
    return "\n".join(lines)


def say(each: dict[str, Any]) -> None:
    """A line for a mutant."""
    old, new = (" ".join(each[name].split())[:60] for name in ("old", "new"))
    where = each["by"].rpartition("::")[2] or each["reason"]
    line = f"{each['word']:9}{each['seconds']:5} s  {each['file']}: {old} -> {new}  [{where}]\n"
    sys.stdout.write(line)
    sys.stdout.flush()


def stored(path: Path) -> dict[str, dict[str, Any]]:
    """Verdicts from before, by the key of their mutants."""
    if not path.is_file():
        return {}
    mutants = json.loads(path.read_text(encoding="utf-8"))["mutants"]
    return {each["key"]: each for each in mutants}


def keep(path: Path, records: Sequence[dict[str, Any]]) -> None:
    """Writes the verdicts, as a whole or not at all."""
    part = path.with_suffix(".part")
    document = {"command": "python tests/mutants/run.py", "mutants": list(records)}
    part.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(path)


if __name__ == "__main__":
    sys.exit(main())
