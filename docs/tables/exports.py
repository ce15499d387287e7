"""Exports of Gowalla's models, read back: results/export.json."""

from __future__ import annotations

from tables.markdown import code, load, metric, table


def exports() -> str:
    """A line a model and a way of exporting it."""
    body = []
    for method, ways in load("export")["rows"].items():
        for way, row in ways.items():
            line = [code(method), way, row["metric"], metric(row["recall"]), metric(row["same"])]
            line += [f"{row['queries_per_second']:,.0f}", f"{row['seconds']:.1f}"]
            body.append([*line, f"{row['bytes'] / 2**20:.0f}"])
    heads = ["model", "to", "metric", "recall@20", "equal lists", "queries a second"]
    return table([*heads, "s to write", "MiB"], body, text=(0, 1, 2))
