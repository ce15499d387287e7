"""Stores of tables larger than memory: results/larger.json."""

from __future__ import annotations

from typing import Any

from tables.markdown import NONE, duration, load, table

PHASES = {
    "prepare": "number and divide",
    "open": "open",
    "fit": "two epochs",
    "evaluate": "evaluate",
    "score": "lists",
    "whole": "all",
}
PEAKS = {"prepare_peak_gib": "peak of preparing", "train_peak_gib": "peak of the rest"}
COUNTS = ("users", "items", "users_evaluated", "users_scored")


def larger() -> str:
    """Each phase of each size as far as it went, and the time a row of the largest to the least."""
    sizes = load("larger")["sizes"]
    body = [
        [name, *(_took(each, phase) for each in sizes), _ratio(sizes, f"{phase}_cpu_s")]
        for phase, name in PHASES.items()
    ]
    for key, name in PEAKS.items():
        cells = [f"{each[key]:.1f} GiB" if key in each else NONE for each in sizes]
        body.append([name, *cells, NONE])
    for key in COUNTS:
        cells = [f"{each[key]:,}" if key in each else NONE for each in sizes]
        body.append([key.replace("_", " "), *cells, NONE])
    heads = [f"{each['rows']:,} rows" for each in sizes]
    return table(["", *heads, "time a row, largest / least"], body)


def _took(size: dict[str, Any], phase: str) -> str:
    if f"{phase}_cpu_s" not in size:
        return NONE
    return f"{duration(size[f'{phase}_cpu_s'])} ({duration(size[f'{phase}_s'])})"


def _ratio(sizes: list[dict[str, Any]], took: str) -> str:
    known = [each[took] / each["rows"] for each in sizes if took in each]
    return f"{known[-1] / known[0]:.2f}" if len(known) > 1 else NONE
