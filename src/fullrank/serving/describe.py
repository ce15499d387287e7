"""What a model says of itself: one line for a terminal, a small table for a notebook."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

SUMMARY_METRICS = ("ndcg", "recall")
"""Metrics of the held-out part that are shown, at their smallest cutoff: the top of a list is what
people look at."""


def summary_of(
    method: str,
    data: str | None,
    sizes: tuple[int, int] | None,
    training: Mapping[str, Any],
    metrics: Mapping[str, Any],
) -> dict[str, str]:
    """Returns the summary of a model, by heading, in display order.

    Args:
        method: Name of the method.
        data: Name of the data set, if any.
        sizes: Users and items; None before fitting.
        training: `fullrank.Recommender.training`.
        metrics: `fullrank.Recommender.metrics`.
    """
    if sizes is None:
        return {"method": method, "state": "not fitted"}
    summary = {"method": method, "data": f"{sizes[0]:,} users × {sizes[1]:,} items"}
    if data:
        summary["data"] = f"{data}, {summary['data']}"
    if "folded_in" in training:
        summary["folded in"] = f"{training['folded_in']:,} users"
    engine = training.get("engine")
    if engine:
        summary["engine"] = engine["name"]
    if training.get("epochs"):
        best = training.get("best_epoch")
        summary["epochs"] = f"{training['epochs']}" + (f", best {best}" if best else "")
    if training.get("effective_rank") is not None:
        summary["effective rank"] = f"{training['effective_rank']:.1f}"
    if training.get("validation_ndcg@20") is not None:
        summary["validation ndcg@20"] = f"{training['validation_ndcg@20']:.4f}"
    held_out = metrics.get("metrics", {})
    for name in SUMMARY_METRICS:
        cutoff = min((int(key.split("@")[1]) for key in held_out if key.startswith(f"{name}@")),
                 default=None)  # fmt: skip
        if cutoff is not None:
            summary[f"{name}@{cutoff}"] = f"{held_out[f'{name}@{cutoff}']:.4f}"
    return summary


def as_line(summary: Mapping[str, str]) -> str:
    """``Recommender(bpr; data …; engine …)``."""
    first, *rest = summary.items()
    parts = [first[1], *(value if name == "state" else f"{name} {value}" for name, value in rest)]
    return f"Recommender({'; '.join(parts)})"


def as_html(summary: Mapping[str, str]) -> str:
    """A table of two columns, readable in light and dark notebooks."""
    rows = "".join(
        f"<tr><th scope='row' style='text-align:left'>{escape(name)}</th>"
        f"<td style='text-align:left'>{escape(value)}</td></tr>"
        for name, value in summary.items()
    )
    return f"<table><caption>fullrank.Recommender</caption><tbody>{rows}</tbody></table>"
