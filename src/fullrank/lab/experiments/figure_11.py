"""Figure 11: how correlated the users and the items become while a model is trained.

Three runs, two of them on LightGCN, which other figures show too.
"""

from __future__ import annotations

from fullrank.lab.common import balanced, pairwise, positive_epochs
from fullrank.lab.groups import Groups
from fullrank.lab.scope import Scope
from fullrank.lab.spec import Experiment, Finding, Grid, Table
from fullrank.pictures import Line, Panel
from fullrank.pictures.panels import Role

ROLES: dict[str, Role] = {"LightGCN, positives": "third", "LightGCN-BPR": "rival",
                          "DirectSpec+": "subject"}  # fmt: skip
SIDES = ("users", "items")


def grid(scope: Scope) -> Grid:
    """LightGCN on positives alone and with BPR, and DirectSpec+ on free rows."""
    few = positive_epochs(scope)
    return {
        "LightGCN, positives": pairwise(scope, "log-positive", graph=True, epochs=few),
        "LightGCN-BPR": pairwise(scope, "bpr", graph=True),
        "DirectSpec+": balanced(scope, "directspec+"),
    }


def compute(scope: Scope, groups: Groups) -> Finding:
    """Mean squared cosine of two users, and of two items, over the epochs."""
    del scope
    numbers = {
        label: {side: _course(*group.mean(f"correlation_{side}")) for side in SIDES}
        for label, group in groups.items()
    }
    ends = ", ".join(
        f"{label} {each['users']['last']:.3f} and {each['items']['last']:.3f}"
        for label, each in numbers.items()
    )
    width = len(groups["DirectSpec+"].done[0].history[0]["singular_values"])
    most = max(groups[label].mean("correlation_users")[0][-1] for label in groups)
    chance = Line("1 / d", [0, most], [1 / width, 1 / width], role="reference")
    panels = [
        Panel(side, "epoch", "mean squared cosine of two rows",
              [*(group.line(f"correlation_{side}", role=ROLES[label])
                 for label, group in groups.items()), chance], y_log=True)
        for side in SIDES
    ]  # fmt: skip
    heads = ("method", "side", "before training", "highest", "at epoch", "last")
    keys = ("first", "highest", "epoch_of_highest", "last")
    rows = [
        [label, side, *(each[side][key] for key in keys)]
        for label, each in numbers.items()
        for side in SIDES
    ]
    return Finding(f"Mean squared cosine of two users and of two items at the end: {ends}",
                   [Table(heads, rows)], panels, numbers, REMARKS)  # fmt: skip


def _course(epochs: list[int], values: list[float]) -> dict[str, float]:
    highest = max(range(len(values)), key=values.__getitem__)
    return {
        "first": values[0],
        "highest": values[highest],
        "epoch_of_highest": epochs[highest],
        "last": values[-1],
        "epochs": epochs[-1],
    }


REMARKS = (
    (
        "The paper prints no numbers here, and not by what its sums are divided. Ours are equation "
        "14 of unit rows over the number of ordered pairs: 1 where all rows are parallel, about "
        "1 / d where they are random, and never below 1 / d by any arrangement of many rows."
    ),
    "Of rows with interactions.",
)

EXPERIMENT = Experiment(
    id="figure-11",
    title="correlation of users and of items while a model is trained",
    claim="low before training; high at once and for good on LightGCN with positives alone; on "
    "LightGCN with BPR it rises first and then falls slowly; low throughout with DirectSpec+, "
    "though never 0, since d is far below the number of rows",
    source="Figure 11, section V-C4",
    cost="a quarter of an hour on yelp-sparse",
    compute=compute,
    grid=grid,
    on=("yelp",),
)
