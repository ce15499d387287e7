"""What the tests were tested with."""

from __future__ import annotations

from tables.markdown import NONE, load, table


def mutants() -> str:
    """Statements turned round, by room, and what became of them."""
    records = load("mutants")["mutants"]
    heads = [
        "room",
        "statements turned round",
        "found by a test",
        "kept, with a reason",
        "not found",
    ]
    rows = []
    for room in dict.fromkeys(each["room"] for each in records):
        mine = [each for each in records if each["room"] == room]
        killed = sum(each["word"] in ("killed", "slow") for each in mine)
        kept = sum(each["word"] == "SURVIVED" and bool(each["reason"]) for each in mine)
        counts = (len(mine), killed, kept, len(mine) - killed - kept)
        rows.append([room, *map(str, counts)])
    return table(heads, rows)


PARTS = (10, 14)
"""Of a whole campaign: before and since the parts of the nightly run."""


def campaign() -> str:
    """Hostile cases of each run, and how many of them failed in which part."""
    heads = ["seed", "at commit", "parts", "failed in", "cases", "failed", "peak MiB", "longest, s"]
    rows = []
    for run in load("campaign")["runs"]:
        parts = run["parts"]
        failed = [f"{name} ({part['failed']})" for name, part in parts.items() if part["failed"]]
        whole = "all" if len(parts) in PARTS else ", ".join(parts)
        rows.append([
            str(run["seed"]), run["commit"][:7], whole, ", ".join(failed) or NONE,
            f"{sum(part['cases'] for part in parts.values()):,}",
            str(sum(part["failed"] for part in parts.values())),
            f"{max(part['peak_mib'] for part in parts.values()):,}",
            f"{max(part['longest_seconds'] for part in parts.values()):.1f}",
        ])  # fmt: skip
    return table(heads, rows, text=(0, 1, 2, 3))
