"""Exports of Gowalla's models, read back: results/export.json."""

from __future__ import annotations

from tables.markdown import NONE, code, load, metric, table

EXACT = ("npz", "safetensors", "parquet", "onnx", "qdrant")
"""Targets that are searched whole."""


def exports() -> str:
    """A line a model and a way of exporting it."""
    body = []
    for method, ways in load("export")["rows"].items():
        for way, row in ways.items():
            width = NONE if row["target"] in EXACT else f"{row['width']:,}"
            line = [code(method), way, row["metric"], width]
            line += [metric(row["recall"]), metric(row["same"])]
            line += [f"{row['queries_per_second']:,.0f}", f"{row['seconds']:.1f}"]
            body.append([*line, f"{row['bytes'] / 2**20:.0f}"])
    heads = ["model", "to", "metric", "width", "recall@20", "equal lists", "queries a second"]
    return table([*heads, "s to write", "MiB"], body, text=(0, 1, 2))
