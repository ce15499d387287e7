"""Stores of tables larger than memory: results/larger.json."""

from __future__ import annotations

from tables.markdown import NONE, duration, load, table

PHASES = {
    "prepare": "number and divide",
    "open": "open",
    "fit": "two epochs",
    "evaluate": "evaluate",
    "score": "lists",
}


def larger() -> str:
    """Each phase of each size, and the time per interaction of the largest to the smallest."""
    sizes = load("larger")["sizes"]
    small, large = sizes[0], sizes[-1]
    body = []
    for phase, name in [*PHASES.items(), ("whole", "all")]:
        took = f"{phase}_cpu_s"
        ratio = (large[took] / large["rows"]) / (small[took] / small["rows"])
        cells = [f"{duration(each[took])} ({duration(each[f'{phase}_s'])})" for each in sizes]
        body.append([name, *cells, f"{ratio:.2f}"])
    for name, key in (
        ("peak of preparing", "prepare_peak_gib"),
        ("peak of the rest", "train_peak_gib"),
    ):
        body.append([name, *(f"{each[key]:.1f} GiB" for each in sizes), NONE])
    for name in ("users", "items", "users_evaluated", "users_scored"):
        cells = [f"{each[name]:,}" for each in sizes]
        body.append([name.replace("_", " "), *cells, NONE])
    heads = [f"{each['rows']:,} rows" for each in sizes]
    return table(["", *heads, "time a row, largest / smallest"], body)
