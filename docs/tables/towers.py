"""A two-tower model with and without a balancer: results/two_tower.json."""

from __future__ import annotations

from statistics import mean

from tables.markdown import load, metric, rank, table

SHOWN = {
    "raw rows": "nothing: raw inner products (before)",
    "adaptive": "`AdaptiveDirectSpecPlus(64, target=0.4)` (after)",
    "unit rows": "unit rows alone (α = 0)",
    "alpha 0.3": "`DirectSpecPlus(0.3, 3.0)`",
    "alpha 1": "`DirectSpecPlus(1.0, 3.0)`",
}
"""What stands between towers and loss, as the example names it and as the page does."""


def two_tower() -> str:
    """Means over seeds, of the test part."""
    runs = load("two_tower")
    body = []
    for name, shown in SHOWN.items():
        mine = [run for run in runs if run["balance"] == name]
        if not mine:
            continue
        alphas = [run["alpha"] for run in mine if run["alpha"] is not None]
        line = [shown, str(len(mine)), f"{mean(alphas):.2f}" if alphas else "–"]
        line.append(rank(mean(run["test"]["effective_rank"] for run in mine)))
        line += [metric(mean(run["test"][figure] for run in mine)) for figure in ("recall", "ndcg")]
        body.append(line)
    columns = ["between towers and loss", "seeds", "α at the end", "effective rank of 64"]
    return table([*columns, "Recall@20", "nDCG@20"], body)
