"""The paper's claims with our verdicts: docs/claims.md."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tables.claims import accuracy_claims, collapse, remedies, theory
from tables.claims.claim import HELD, NOT_HELD, Answer, Claim
from tables.claims.found import LAB, found
from tables.markdown import code, table

CLAIMS: tuple[Claim, ...] = (
    *collapse.CLAIMS,
    *theory.CLAIMS,
    *accuracy_claims.CLAIMS,
    *remedies.CLAIMS,
)
"""Every checkable statement, by subject."""
SUBJECTS = {
    "claims-collapse": collapse.CLAIMS,
    "claims-theory": theory.CLAIMS,
    "claims-accuracy": accuracy_claims.CLAIMS,
    "claims-remedies": remedies.CLAIMS,
}
MISSING = "not measured yet"
ROOT = LAB.parents[1]


def answered(claim: Claim, folder: Path = LAB) -> Answer | None:
    """The verdict on a claim by what is in ``folder``; None where a number is missing."""
    known = found(claim.experiment, folder)
    try:
        return claim.judge(known) if known else None
    except (KeyError, StopIteration):
        return None


def sources(claim: Claim, folder: Path = LAB) -> list[Path]:
    """The files that a verdict is from."""
    return sorted({each["path"] for each in found(claim.experiment, folder).values()})


def rows(claims: tuple[Claim, ...], folder: Path = LAB) -> list[list[str]]:
    """A row a claim."""
    made = []
    for claim in claims:
        answer = answered(claim, folder)
        files = sources(claim, folder) if answer else []
        links = ", ".join(f"[{path.stem}](../{path.relative_to(ROOT).as_posix()})"
                          for path in files)  # fmt: skip
        quick = answer and all(each["quick"] for each in found(claim.experiment, folder).values())
        measured = answer.measured if answer else f"{MISSING}: {code(claim.command)}"
        made.append([
            claim.text,
            claim.where,
            links or claim.experiment,
            measured + " (a quick look)" * bool(quick),
            _marked(answer.verdict) if answer else "–",
        ])  # fmt: skip
    return made


def _marked(verdict: str) -> str:
    """A failure as plain to see as a success."""
    return f"**{verdict}**"


def of(name: str) -> str:
    """The table of a subject."""
    heads = ["the paper says", "where", "tested by", "measured", "verdict"]
    return table(heads, rows(SUBJECTS[name]), text=range(5))


def count() -> str:
    """How many held, in a sentence."""
    answers = [answered(claim) for claim in CLAIMS]
    kinds = Counter(
        MISSING if each is None else each.verdict if each.verdict in (HELD, NOT_HELD) else "partly"
        for each in answers
    )
    return (
        f"Of {len(CLAIMS)} statements {kinds[HELD]} held, {kinds['partly']} held under a condition "
        f"or with a correction, {kinds[NOT_HELD]} did not hold, and {kinds[MISSING]} are not "
        "measured yet."
    )
