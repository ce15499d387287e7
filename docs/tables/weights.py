"""Ways to read weights: results/weighting.json."""

from __future__ import annotations

from statistics import mean

from tables.markdown import code, load, metric, table

WAYS = ("given", "log", "none")


def weighting() -> str:
    """A line a table and a method."""
    body = [
        [name, code(method), *(metric(mean(values[way])) for way in WAYS)]
        for name, methods in load("weighting")["values"].items()
        for method, values in methods.items()
    ]
    return table(["weights", "method", *map(code, WAYS)], body, text=(0, 1))
