"""Nights that begin with yesterday's rows, beside fits from nothing: results/nights.json."""

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
