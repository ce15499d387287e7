"""What the parts of the campaign share: their setting, their tally, small data, model folders."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import TypeVar

from children import Result

T = TypeVar("T")


@dataclass(frozen=True)
class Setting:
    """What a part is given.

    Args:
        seed: All its cases follow from it.
        share: Part of the cases to run.
        work: An empty folder of its own.
    """

    seed: int
    share: float
    work: Path

    def count(self, whole: int) -> int:
        """How many cases of a whole number to run."""
        return max(1, ceil(whole * self.share))

    def rng(self, *case: object) -> random.Random:
        """Random numbers of one case, whatever the others drew."""
        return random.Random(f"{self.seed} {case}")

    def some(self, cases: list[T], whole: int | None = None) -> list[T]:
        """The share of a list of cases, or of ``whole`` of them, in their order."""
        n = min(self.count(len(cases) if whole is None else whole), len(cases))
        chosen = sorted(self.rng("some", len(cases)).sample(range(len(cases)), n))
        return [cases[number] for number in chosen]


@dataclass
class Tally:
    """Counts the cases of a part, and keeps its troubles by kind with an example of each."""

    name: str
    cases: int = 0
    failed: int = 0
    mib: float = 0.0
    longest: float = 0.0
    longest_case: str = ""
    counts: Counter[str] = field(default_factory=Counter)
    troubles: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)

    def add(self, case: str, trouble: str, *results: Result) -> None:
        """Counts a case; an empty trouble is none."""
        seconds, mib = (sum(r.seconds for r in results), max((r.mib for r in results), default=0.0))
        self.note(case, trouble, seconds, mib)

    def note(self, case: str, trouble: str, seconds: float, mib: float) -> None:
        """Counts a case that has no result of its own."""
        self.cases += 1
        self.mib = max(self.mib, mib)
        if seconds > self.longest:
            self.longest, self.longest_case = seconds, case
        if trouble:
            self.failed += 1
            sys.stderr.write(f"failed: {case}: {trouble}\n")
            kind = trouble[:70]
            self.troubles[kind] += 1
            self.examples.setdefault(kind, f"{case}: {trouble}")

    def record(self) -> dict[str, object]:
        """The figures of the part, for a JSON file."""
        return {
            "cases": self.cases,
            "failed": self.failed,
            "seconds": round(time.monotonic() - self.began, 1),
            "peak_mib": round(self.mib),
            "longest_seconds": round(self.longest, 2),
            "longest_case": self.longest_case,
            "counts": dict(self.counts),
            "troubles": {self.examples[kind]: n for kind, n in self.troubles.most_common()},
        }


def events(path: Path, *, users: int = 40, items: int = 30, rows: int = 500) -> Path:
    """A small CSV file; the same every time."""
    rng = random.Random(1)
    pairs = sorted({(rng.randrange(users), rng.randrange(items)) for _ in range(rows)})
    lines = "".join(f"u{user},i{item}\n" for user, item in pairs)
    path.write_text("user_id,item_id\n" + lines, encoding="utf-8")
    return path


def fit(data: Path, method: str = "bpr", *more: object, epochs: int = 3) -> list[object]:
    """The words of a quick ``fullrank fit``, but for its output."""
    words: list[object] = ["fit", data, "--method", method, "--threads", "1"]
    if method not in ("popularity", "itemknn", "ease", "spectral"):
        words += ["--dim", "8", "--epochs", epochs, "--set", "batch_size=64"]
        words += ["--set", "checkpoint_every=1"]
    return [*words, *more]


def remove(path: Path) -> None:
    """Removes a file or folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def state_of(folder: Path) -> str:
    """``whole``, ``none`` or how it is torn: a model folder by its checksums alone."""
    manifest = folder / "manifest.json"
    if not manifest.exists():
        return "none"
    try:
        for entry in json.loads(manifest.read_text(encoding="utf-8"))["files"].values():
            content = (folder / entry["file"]).read_bytes()
            if hashlib.sha256(content).hexdigest() != entry["sha256"]:
                return f"torn: {entry['file']}"
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        return f"torn: {type(error).__name__} {error}"
    return "whole"


def digests(folder: Path) -> dict[str, str]:
    """Checksum by name of every file of a model."""
    files = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["files"]
    return {name: entry["sha256"] for name, entry in files.items()}


def litter(folder: Path) -> list[str]:
    """What is in a model folder beside the model, its log and its checkpoint."""
    if not folder.is_dir():
        return []
    known = {"manifest.json", "log.jsonl", "checkpoint.safetensors"}
    known |= {"report.html"} if _about(folder) else set()
    if (folder / "manifest.json").exists():
        files = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["files"]
        known |= {entry["file"] for entry in files.values()}
    return sorted(path.name for path in folder.iterdir() if path.name not in known)


def _about(folder: Path) -> bool:
    """Whether the page in a model folder, if there is one, is about the model that is there."""
    page, manifest = folder / "report.html", folder / "manifest.json"
    if not page.exists():
        return True
    digest = hashlib.sha256(manifest.read_bytes()).hexdigest() if manifest.exists() else "none"
    return digest[:16] in page.read_text(encoding="utf-8")


def resume(folder: Path) -> list[str]:
    """``--resume`` where a run left a checkpoint."""
    return ["--resume"] if (folder / "checkpoint.safetensors").exists() else []
