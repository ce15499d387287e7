"""Figure 7: the effective rank of methods against collapse, beside DirectSpec+.

Five runs on LightGCN by Adam and two on free rows: half an hour on citeulike.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fullrank.lab.common import balanced, curve_epochs, pairwise
from fullrank.lab.groups import Groups
from fullrank.lab.scope import Scope
from fullrank.lab.spec import Experiment, Finding, Grid, Run, Table
from fullrank.pictures import Panel
from fullrank.pictures.panels import Role

SETTINGS: dict[str, dict[str, Any]] = {
    "lightgcl": {"lr": 0.01, "batch_size": 1024, "layers": 3, "contrast": 0.02},
    "logdet": {"lr": 0.001, "batch_size": 1024, "layers": 1},
    "dropedge": {"drop_edges": 0.2},
}
"""Where the data has no tuned preset."""
PANELS = {
    "LightGCL": ("LightGCL",),
    "LogDet": ("LogDet",),
    "DropEdge": ("BPR", "DropEdge", "LightGCN"),
}
ROLES: dict[str, Role] = {"DirectSpec+": "subject", "BPR": "rival"}
THIRD = ("LightGCL", "LogDet", "DropEdge")


def grid(scope: Scope) -> Grid:
    """Each method with the settings that tuning found; the last three with the shared ones."""
    epochs = min(curve_epochs(scope), 60)
    tuned = {
        label: Run(
            method,
            (scope.preset(method, ("tuned",)) or SETTINGS[method]) | {"epochs": epochs},
            scope.name,
        )
        for label, method in (("LightGCL", "lightgcl"), ("LogDet", "logdet"))
    }
    return tuned | {
        "DirectSpec+": balanced(scope, "directspec+"),
        "BPR": pairwise(scope, "bpr"),
        "LightGCN": pairwise(scope, "bpr", graph=True),
        "DropEdge": pairwise(scope, "bpr", graph=True, **SETTINGS["dropedge"]),
    }


def compute(scope: Scope, groups: Groups) -> Finding:
    """Where each curve lies and ends."""
    del scope
    curves = {label: group.mean("effective_rank")[1] for label, group in groups.items()}
    last = {label: curve[-1] for label, curve in curves.items()}
    between = _share_between(curves["DropEdge"], curves["LightGCN"], curves["BPR"])
    order = ", ".join(f"{label} {last[label]:.1f}" for label in sorted(last, key=last.__getitem__))
    panels = [
        Panel(f"{title} beside DirectSpec+", "epoch", "effective rank",
              [groups[label].line("effective_rank", role=_role(label))
               for label in (*labels, "DirectSpec+")], y_limits=(0, 66))
        for title, labels in PANELS.items()
    ]  # fmt: skip
    panels.append(
        Panel("how well they rank", "epoch", "validation nDCG@10",
              [group.line("ndcg@10", role=ROLES.get(label, "other"))
               for label, group in groups.items()], y_limits=(0, None))
    )  # fmt: skip
    rows = [
        [label, curve[0], min(curve), curve[-1], f"{max(groups[label].mean('ndcg@10')[1]):.4f}"]
        for label, curve in curves.items()
    ]
    return Finding(
        f"The effective rank ends at {order}; DropEdge lies between LightGCN and BPR in "
        f"{between:.0%} of the epochs",
        [Table(("method", "before", "lowest", "last", "best nDCG@10"), rows, form="{:.1f}")],
        panels,
        {"last": last, "dropedge_between": between,
         "lowest": {label: min(curve) for label, curve in curves.items()}},
        remarks=("The paper prints no numbers here.",
                 "LightGCL and LogDet by Adam; BPR, LightGCN and DropEdge by SGD, one rate."),
    )  # fmt: skip


def _role(label: str) -> Role:
    return "third" if label in THIRD else ROLES.get(label, "other")


def _share_between(curve: list[float], low: list[float], high: list[float]) -> float:
    """Of the epochs after the first ones, in which all plunge, how many lie between two others."""
    inside = [a < x < b for x, a, b in zip(curve, low, high, strict=False)][2:]
    return float(np.mean(inside)) if inside else 0.0


EXPERIMENT = Experiment(
    id="figure-7",
    title="the effective rank of other methods against collapse",
    claim="LightGCL begins lower and ends below DirectSpec+; LogDet is stable, above LightGCL and "
    "below DirectSpec+; DropEdge lies between LightGCN and BPR, and all three below DirectSpec+",
    source="Figure 7, section V-B3",
    cost="half an hour on citeulike",
    compute=compute,
    grid=grid,
)
