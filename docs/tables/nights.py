"""Fits night after night: results/nights.json and results/week.json."""

from __future__ import annotations

from statistics import mean

from tables.markdown import code, digits, load, metric, table

WAYS = ("from nothing", "begun", "cold", "old")


def nights() -> str:
    """Means over the nights after the first."""
    body = []
    for data, methods in load("nights")["nights"].items():
        for method, all_nights in methods.items():
            later = [night for night in all_nights if "begun" in night]
            line = [data, code(method), f"{mean(night['begun']['users'] for night in later):,.0f}"]
            line += [metric(mean(night[way]["ndcg@20"] for night in later)) for way in WAYS]
            line += [digits(mean(night[way]["seconds"] for night in later)) for way in WAYS[:2]]
            body.append(line)
    heads = ["data", "method", "users a night", *(f"nDCG@20 {way}" for way in WAYS)]
    heads += ["s, from nothing", "s, begun"]
    return table(heads, body, text=(0, 1))


def week() -> str:
    """What came of a week of nights with kills in between."""
    found = load("week")
    reader = found["reader"]
    codes = [each[-1] for each in found["exit_codes"]]
    row = [found["nights"], found["killed"], codes.count(0), codes.count(3),
           f"{reader['loads']:,}", len(reader["failures"]), reader["versions_seen"]]  # fmt: skip
    heads = ["nights", "fits killed", "passed the gate", "rejected", "loads by the reader",
             "of which failed", "versions it saw"]  # fmt: skip
    return table(heads, [[str(each) for each in row]], text=())
