"""Figure 6: effective rank without observed pairs, and what DirectSpec makes of a collapsed table.

Runs on free rows alone: half an hour on yelp-sparse, the most of it for eight negatives a pair.
"""

from __future__ import annotations

from itertools import pairwise as neighbours
from typing import Any

from fullrank.lab.common import balanced, pairwise
from fullrank.lab.groups import Group, Groups
from fullrank.lab.scope import Scope
from fullrank.lab.spec import Experiment, Finding, Grid, Run, Table
from fullrank.pictures import Line, Panel

ALONE: dict[str, Any] = {"balance": "alone", "shrink": 0.0}
"""DirectSpec's L_ds, and no observed pair."""


def counts(scope: Scope) -> tuple[int, ...]:
    """Negatives N for each pair that is left out."""
    return (1, 4) if scope.quick else (1, 2, 4, 8)


def half(scope: Scope) -> int:
    """Epochs of each half of (b)."""
    return scope.epochs(50, 10)


def negatives(scope: Scope, count: int, epochs: int) -> Run:
    """BCE's part of the unobserved pairs alone."""
    return pairwise(scope, "bce", negatives=count, observed=False, epochs=epochs)


def grid(scope: Scope) -> Grid:
    """Both objectives without observed pairs, and one after the other; then with them."""
    epochs = half(scope)
    runs = {f"BCE, N = {n}": negatives(scope, n, 2 * epochs) for n in counts(scope)}
    runs["DirectSpec"] = balanced(scope, "directspec", epochs=2 * epochs, **ALONE)
    first = {
        "negatives alone": negatives(scope, max(counts(scope)), epochs),
        "BCE": pairwise(scope, "bce", epochs=epochs),
    }
    for label, run in first.items():
        more = ALONE if label == "negatives alone" else {}
        after = balanced(scope, "directspec", epochs=epochs, **more)
        runs |= {label: run, f"{label}, then": Run(
            after.method, after.settings, after.data, after.part, after.every, start=run
        )}  # fmt: skip
    return runs


def compute(scope: Scope, groups: Groups) -> Finding:
    """Where each ends, and what is won back."""
    alone = [f"BCE, N = {n}" for n in counts(scope)]
    numbers: dict[str, Any] = {
        "unobserved": {label: _course(groups[label]) for label in (*alone, "DirectSpec")}
    }
    recovery = {label: _recovery(groups, label) for label in ("negatives alone", "BCE")}
    numbers["recovery"] = recovery["negatives alone"]
    numbers["recovery_with_observed_pairs"] = recovery["BCE"]
    unobserved = numbers["unobserved"]
    ends = ", ".join(f"{unobserved[label]['last']:.1f} ({label[5:]})" for label in alone)
    back = numbers["recovery"]
    headline = (
        f"Without observed pairs BCE ends at an effective rank of {ends}, "
        f"DirectSpec at {unobserved['DirectSpec']['last']:.1f}, and DirectSpec after BCE brings "
        f"{back['after_bce']:.1f} back to {back['after_directspec']:.1f}"
    )
    heads = ("without observed pairs", "before", "last", "epochs with a rise", "epochs")
    keys = ("first", "last", "epochs_with_a_rise", "epochs")
    rows = [[label, *(each[key] for key in keys)] for label, each in numbers["unobserved"].items()]
    halves = [[label, each["first"], each["after_bce"], each["after_directspec"]]
              for label, each in recovery.items()]  # fmt: skip
    return Finding(
        headline,
        [Table(heads, rows, form="{:.1f}"),
         Table(("first half", "before", "after it", "after DirectSpec"), halves,
               "DirectSpec afterwards", "{:.1f}")],
        _panels(groups, alone),
        numbers,
        REMARKS,
    )  # fmt: skip


def _course(group: Group) -> dict[str, float]:
    epochs, ranks = group.mean("effective_rank")
    rises = sum(later > earlier for earlier, later in neighbours(ranks))
    return {"first": ranks[0], "last": ranks[-1], "epochs": epochs[-1],
            "epochs_with_a_rise": rises}  # fmt: skip


def _recovery(groups: Groups, label: str) -> dict[str, float]:
    before, after = groups[label], groups[f"{label}, then"]
    return {
        "first": before.at("effective_rank", 0),
        "after_bce": before.at("effective_rank", -1),
        "after_directspec": after.at("effective_rank", -1),
        "ndcg@10_after_bce": before.at("ndcg@10", -1),
        "ndcg@10_after_directspec": after.at("ndcg@10", -1),
    }


def _joined(groups: Groups, label: str) -> list[Line]:
    """Both halves, the second where the first ends."""
    before, after = (groups[each].mean("effective_rank") for each in (label, f"{label}, then"))
    shifted = [before[0][-1] + epoch for epoch in after[0]]
    return [Line("BCE", before[0], before[1], role="rival"),
            Line("then DirectSpec", shifted, after[1], role="subject")]  # fmt: skip


def _panels(groups: Groups, alone: list[str]) -> list[Panel]:
    lines = [groups[label].line("effective_rank") for label in alone]
    lines.append(groups["DirectSpec"].line("effective_rank", role="subject"))
    titles = {"negatives alone": "(b) no observed pair in either half",
              "BCE": "with observed pairs in both halves"}  # fmt: skip
    return [
        Panel("(a) no observed pair", "epoch", "effective rank", lines, y_limits=(0, 66)),
        *(Panel(title, "epoch", "effective rank", _joined(groups, label), y_limits=(0, 66))
          for label, title in titles.items()),
    ]  # fmt: skip


REMARKS = (
    "The paper prints no numbers here.",
    (
        "DirectSpec without observed pairs is descent on equation 14 of each batch, in place of "
        "the filter, which needs a loss behind it."
    ),
)

EXPERIMENT = Experiment(
    id="figure-6",
    title="training without observed pairs",
    claim="without observed pairs the effective rank of BCE falls to a complete collapse, the "
    "faster the more negatives, and DirectSpec's stays; DirectSpec recovers a table that BCE has "
    "collapsed",
    source="Figure 6, section V-B3",
    cost="half an hour on yelp-sparse",
    compute=compute,
    grid=grid,
    on=("yelp",),
)
