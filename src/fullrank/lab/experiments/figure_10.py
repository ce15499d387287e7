"""Figure 10: how accuracy and effective rank change with α.

Nine runs of DirectSpec+ on free rows: ten minutes on citeulike, half an hour on yelp-sparse.
"""

from __future__ import annotations

import numpy as np

from fullrank.lab.common import balanced, sweep_epochs
from fullrank.lab.groups import Groups, deviation, mean
from fullrank.lab.scope import Scope
from fullrank.lab.spec import Experiment, Finding, Grid, Table
from fullrank.pictures import Line, Panel

ALPHA = (0.2, 0.4, 0.6, 0.8, 0.9, 1.0, 1.1, 1.2, 1.4, 1.6)
FIRST = (0.2, 0.6, 1.0, 1.4)
PAPER = {"citeulike": 1.1, "yelp": 0.6}
"""The α of the best accuracy."""


def grid(scope: Scope) -> Grid:
    """DirectSpec+ with everything but α as published for the data."""
    return {f"{alpha:g}": balanced(scope, "directspec+", epochs=sweep_epochs(scope), alpha=alpha)
            for alpha in (FIRST if scope.quick else ALPHA)}  # fmt: skip


def compute(scope: Scope, groups: Groups) -> Finding:
    """Best validation nDCG@10 of each α, and the effective rank at that epoch and at the end."""
    known = {label: group for label, group in groups.items() if group.best()}
    alphas = [float(label) for label in known]
    accuracy = [mean(group.best()) or 0.0 for group in known.values()]
    at_best = [group.record_at_best("effective_rank") for group in known.values()]
    ranks = [float(np.mean(each)) for each in at_best]
    best, highest = alphas[int(np.argmax(accuracy))], alphas[int(np.argmax(ranks))]
    printed = PAPER.get("yelp" if scope.name.startswith("yelp") else scope.name)
    marks = [(printed, "paper's best")] if printed is not None else []
    beside = f" (paper: {printed:g})" if printed is not None else ""
    panels = [
        Panel("accuracy", "α", "best validation nDCG@10",
              [Line("DirectSpec+", alphas, accuracy,
                    [deviation(group.best()) for group in known.values()], "subject", marks=True)],
              upright=marks, y_limits=(0, None)),
        Panel("effective rank at that epoch", "α", "effective rank",
              [Line("DirectSpec+", alphas, ranks, [deviation(each) for each in at_best],
                    "subject", marks=True)], upright=marks, y_limits=(0, 66)),
    ]  # fmt: skip
    rows = [
        [f"{alpha:g}", value, f"{rank:.1f}", f"{known[f'{alpha:g}'].at('effective_rank', -1):.1f}"]
        for alpha, value, rank in zip(alphas, accuracy, ranks, strict=True)
    ]
    failed = [label for label, group in groups.items() if group.error is not None]
    return Finding(
        f"Accuracy peaks at α = {best:g}{beside} and the effective rank at α = {highest:g}",
        [Table(("α", "best nDCG@10", "effective rank there", "and at the end"), rows)],
        panels,
        {"best_alpha": best, "alpha_of_highest_effective_rank": highest,
         "ndcg@10": dict(zip(known, accuracy, strict=True)),
         "effective_rank": dict(zip(known, ranks, strict=True)), "diverged": failed},
        remarks=[f"The loss diverged at α = {', '.join(failed)}."] if failed else (),
    )  # fmt: skip


EXPERIMENT = Experiment(
    id="figure-10",
    title="the impact of α on accuracy and effective rank",
    claim="both first rise and then drop, with a similar trend; accuracy is best at α = 1.1 on "
    "CiteULike and at 0.6 on Yelp",
    source="Figure 10, section V-C3",
    cost="ten minutes on citeulike, half an hour on yelp-sparse",
    compute=compute,
    grid=grid,
    on=("citeulike", "yelp"),
    paper={"best α": PAPER},
)
