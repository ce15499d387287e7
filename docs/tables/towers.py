"""A two-tower model with and without a balancer: results/two_tower.json."""

from __future__ import annotations

from statistics import mean
from typing import Any

from tables.markdown import NONE, load, metric, rank, table

SHOWN = {
    "raw rows": "nothing",
    "unit rows": "unit rows alone",
    "adaptive": "`AdaptiveDirectSpecPlus`",
    "alpha 0.3": "`DirectSpecPlus(0.3, 3.0)`",
    "alpha 1": "`DirectSpecPlus(1.0, 3.0)`",
}
"""What stands between towers and loss, as the example names it and as the page does."""
LOSSES = {"positives": "observed pairs alone", "softmax": "softmax over the batch"}


def two_tower() -> str:
    """Means over seeds, of the test part."""
    body = []
    for (loss, name), runs in _by_variant().items():
        alphas = [run["alpha"] for run in runs if run["alpha"] is not None]
        line = [
            LOSSES[loss],
            SHOWN[name],
            str(len(runs)),
            f"{mean(alphas):.2f}" if alphas else NONE,
        ]
        line.append(rank(mean(run["test"]["effective_rank"] for run in runs)))
        line += [metric(mean(run["test"][figure] for run in runs)) for figure in ("recall", "ndcg")]
        body.append(line)
    columns = ["loss", "between towers and loss", "seeds", "α at the end", "effective rank of 64"]
    return table([*columns, "Recall@20", "nDCG@20"], body, text=(0, 1))


def _by_variant() -> dict[tuple[str, str], list[dict[str, Any]]]:
    runs = load("two_tower")
    wanted = [(loss, name) for loss in LOSSES for name in SHOWN]
    mine = {key: [run for run in runs if (run["loss"], run["balance"]) == key] for key in wanted}
    return {key: found for key, found in mine.items() if found}
