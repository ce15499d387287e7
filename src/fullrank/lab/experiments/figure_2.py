"""Figure 2: complete collapse without negatives, incomplete collapse with them.

On yelp-sparse the six runs take about half an hour on one core, two of them (those on
LightGCN) nearly all of it; on yelp2018 some hours.
"""

from __future__ import annotations

from itertools import pairwise as neighbours

from fullrank.lab.common import pairwise, positive_epochs
from fullrank.lab.groups import Group, Groups
from fullrank.lab.scope import Scope
from fullrank.lab.spec import Experiment, Finding, Grid, Table
from fullrank.pictures import Panel
from fullrank.pictures.panels import Role

POSITIVE = {"LightGCN": ("log-positive", True), "MF log loss": ("log-positive", False),
            "MF Euclidean": ("euclidean-positive", False)}  # fmt: skip
NEGATIVE = {"LightGCN-BPR": ("bpr", True), "MF-BPR": ("bpr", False), "MF-BCE": ("bce", False)}
ROLES: dict[str, Role] = {"LightGCN": "subject", "LightGCN-BPR": "subject"}
ROLES |= {"MF log loss": "rival", "MF-BPR": "rival", "MF Euclidean": "third", "MF-BCE": "third"}


def grid(scope: Scope) -> Grid:
    """Six runs; those without negatives are shorter."""
    runs = {}
    for label, (method, graph) in (POSITIVE | NEGATIVE).items():
        epochs = positive_epochs(scope) if label in POSITIVE else None
        runs[label] = pairwise(scope, method, graph=graph, epochs=epochs)
    return runs


def rises(group: Group, name: str = "effective_rank") -> int:
    """Epochs after which the mean curve is higher than before."""
    _, values = group.mean(name)
    return sum(later > earlier for earlier, later in neighbours(values))


def compute(scope: Scope, groups: Groups) -> Finding:
    """Effective rank and nDCG@10 over the epochs, before training included."""
    del scope
    numbers = {
        label: {
            "before": group.at("effective_rank", 0),
            "lowest": group.lowest("effective_rank"),
            "last": group.at("effective_rank", -1),
            "last_all_rows": group.at("effective_rank_all_rows", -1),
            "epochs_with_a_rise": rises(group),
            "best_ndcg@10": max(group.mean("ndcg@10")[1]),
            "last_ndcg@10": group.at("ndcg@10", -1),
        }
        for label, group in groups.items()
    }
    down = ", ".join(f"{label} {numbers[label]['last']:.1f}" for label in POSITIVE)
    up = ", ".join(
        f"{label} {numbers[label]['lowest']:.1f} → {numbers[label]['last']:.1f}"
        for label in NEGATIVE
    )
    headline = f"With positives alone the effective rank ends at {down}; with negatives {up}"
    panels = [
        Panel(title, "epoch", label, [groups[each].line(name, role=ROLES.get(each, "other"))
                                      for each in labels], y_limits=limits)
        for name, label, limits in (("effective_rank", "effective rank", (0, 66)),
                                    ("ndcg@10", "validation nDCG@10", (0, None)))
        for title, labels in (("positives alone", POSITIVE), ("with negatives", NEGATIVE))
    ]  # fmt: skip
    heads = ("method", "before", "lowest", "last", "last, all rows", "epochs with a rise",
             "best nDCG@10")  # fmt: skip
    keys = ("before", "lowest", "last", "last_all_rows", "epochs_with_a_rise", "best_ndcg@10")
    rows = [
        [label, *(f"{each[k]:.4f}" if "ndcg" in k else each[k] for k in keys)]
        for label, each in numbers.items()
    ]
    return Finding(
        headline,
        [Table(heads, rows, form="{:.1f}")],
        panels,
        numbers,
        remarks=(
            "The paper prints no numbers here.",
            "Effective rank of rows with interactions; the others never move and would hide it.",
        ),
    )


EXPERIMENT = Experiment(
    id="figure-2",
    title="how embeddings collapse while they are trained",
    claim="with positives alone the effective rank falls monotonically, fastest on LightGCN, and "
    "faster for the Euclidean loss than for the log loss, while accuracy barely changes; with "
    "negatives it plunges, rises again and stays below d = 64, LightGCN lower than MF",
    source="Figure 2, sections III-A and III-B",
    cost="half an hour on yelp-sparse, hours on yelp2018",
    compute=compute,
    grid=grid,
    on=("yelp",),
)
