"""What the tests were tested with."""

from __future__ import annotations

from tables.markdown import load, table


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


def campaign() -> str:
    """Hostile cases by part, and how many of them failed; of each seed."""
    heads = ["seed, at commit", "part", "cases", "failed", "peak MiB", "longest case, s"]
    rows = []
    for run in load("campaign")["runs"]:
        for name, part in run["parts"].items():
            figures = (part["cases"], part["failed"], part["peak_mib"])
            longest = f"{part['longest_seconds']:.1f}"
            of = f"{run['seed']}, {run['commit'][:7]}"
            rows.append([of, name, *map(str, figures), longest])
    return table(heads, rows, text=(0, 1))
