"""What a mutant is, and what becomes of it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "fullrank"


class Mutant(NamedTuple):
    """A passage of a file of the package, what takes its place, and who should notice."""

    file: str
    """Below the package."""
    old: str
    """Occurs once in the file."""
    new: str
    tests: str
    """Files or names of tests, the likeliest first."""
    reason: str = ""
    """Why it may survive: it changes no figure that is printed, and no list."""

    def mutated(self) -> str:
        """The text of the file with the passage replaced.

        Raises:
            SystemExit: the file does not have the passage, or has it twice.
        """
        text = (PACKAGE / self.file).read_text(encoding="utf-8")
        if (found := text.count(self.old)) != 1:
            raise SystemExit(f"{self.file}: found {self.old!r} {found} times; expected it once")
        return text.replace(self.old, self.new)

    def key(self) -> str:
        """Names the mutant in the file of results."""
        known = "\0".join([self.file, self.old, self.new, self.tests])
        return hashlib.sha256(known.encode()).hexdigest()[:16]


class Verdict(NamedTuple):
    """What became of a mutant."""

    word: str
    """``killed``, ``slow`` (killed by its time), ``SURVIVED``, or ``broken``: no test could run."""
    by: str
    """The first test that failed."""
    seconds: float


def of(file: str, tests: str, *passages: tuple[str, ...]) -> tuple[Mutant, ...]:
    """Mutants of one file with the same tests, from (old, new) or (old, new, reason)."""
    return tuple(Mutant(file, old, new, tests, *reason) for old, new, *reason in passages)
