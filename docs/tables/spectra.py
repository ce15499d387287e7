"""Effective ranks and factored propagation: table1, collapse* and factored_* of results/."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from tables.markdown import code, digits, duration, load, metric, rank, table

ALGORITHM_1 = {
    "T": "T, at α .001",
    "alpha": "α, at T 50",
    "L": "L, at α 4e-6 and T 50",
}


def algorithm_1() -> str:
    """Table I: effective rank of random matrices after Algorithm 1."""
    body = []
    for name, made in load("table1").items():
        figures = zip(made["values"], made["effective_rank"], made["paper"], strict=True)
        for value, found, paper in figures:
            body.append([ALGORITHM_1[name], f"{value:g}", f"{found:.2f}", f"{paper:.2f}"])
    return table(["varied", "value", "effective rank", "paper"], body)


def collapse() -> str:
    """How the effective rank moves on free rows, on yelp-sparse."""
    body = []
    for label, run in load("collapse")["runs"].items():
        ranks = run["effective_rank"]
        lowest = min(ranks)
        body.append(
            [
                code(label),
                str(len(ranks)),
                rank(ranks[0]),
                rank(lowest),
                str(ranks.index(lowest) + 1),
                rank(ranks[-1]),
            ]
        )
    return table(["method", "epochs", "first", "lowest", "at epoch", "last"], body)


def collapse_graph() -> str:
    """Where the effective rank ends on the graph and beside it, on two data sets."""
    data = ("citeulike", "yelp-sparse")
    runs = {name: load(f"collapse_graph_{name}")["runs"] for name in data}
    columns = ["method", "epochs"]
    for name in data:
        columns += [name, "epochs with a rise"]
    body = []
    for label, run in runs[data[0]].items():
        cells = [code(label), str(len(run["effective_rank"]))]
        for name in data:
            ranks = runs[name][label]["effective_rank"]
            cells += [rank(ranks[-1]), str(sum(later > now for now, later in pairwise(ranks)))]
        body.append(cells)
    return table(columns, body)


def factored_citeulike() -> str:
    """Factored propagation beside exact, on CiteULike."""
    return _factored("citeulike")


def factored_gowalla() -> str:
    """Factored propagation beside exact, on Gowalla."""
    return _factored("gowalla")


def _factored(data: str) -> str:
    runs = load(f"factored_{data}")
    bar = max(runs["exact"]["ndcg@20"])
    columns = [
        "propagation",
        "singular pairs",
        "an epoch",
        "epochs",
        "best nDCG@20",
        "last nDCG@20",
        f"time until {metric(bar)}",
    ]
    return table(columns, (_factored_row(label, run, bar) for label, run in runs.items()))


def _factored_row(label: str, run: dict[str, Any], bar: float) -> list[str]:
    """``seconds`` count from the start and so include ``setup``, the singular pairs."""
    curve, seconds = run["ndcg@20"], run["seconds"]
    epoch = (seconds[-1] - run["setup"]) / len(seconds)
    passed = next((s for s, value in zip(seconds, curve, strict=True) if value >= bar), None)
    return [
        label,
        duration(run["setup"]) if label != "exact" else "none",
        duration(epoch),
        str(len(curve)),
        metric(max(curve)),
        metric(curve[-1]),
        f"{digits(passed)} s" if passed is not None else "never",
    ]
