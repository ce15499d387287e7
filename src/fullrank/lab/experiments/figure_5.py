"""Figure 5: the extent of collapse on each data set, positives alone.

The runs of figure 2 on every data set at hand; LightGCN on gowalla takes an hour on one core.
"""

from __future__ import annotations

from fullrank.lab.common import pairwise, positive_epochs
from fullrank.lab.groups import Groups
from fullrank.lab.scope import Scope
from fullrank.lab.spec import Experiment, Finding, Grid, Table
from fullrank.pictures import Panel

ENCODERS = {"MF": False, "LightGCN": True}
YELPS = ("yelp", "yelp-sparse", "yelp2018")


def grid(scope: Scope) -> Grid:
    """The log loss of observed pairs, on free rows and on LightGCN."""
    epochs = positive_epochs(scope)
    return {
        f"{encoder} on {name}": pairwise(scope, "log-positive", name, graph=graph, epochs=epochs)
        for name in scope.data
        for encoder, graph in ENCODERS.items()
    }


def compute(scope: Scope, groups: Groups) -> Finding:
    """Effective rank over training, one line a data set."""
    last = {
        encoder: {name: groups[f"{encoder} on {name}"].at("effective_rank", -1)
                  for name in scope.data}
        for encoder in ENCODERS
    }  # fmt: skip
    # What the paper says suffers most; else what does.
    subject = next((name for name in scope.data if name in YELPS), None) or min(
        scope.data, key=lambda name: last["LightGCN"][name]
    )
    panels = [
        Panel(encoder, "epoch", "effective rank",
              [groups[f"{encoder} on {name}"].line(
                  "effective_rank", label=name, role="subject" if name == subject else "other")
               for name in scope.data], y_limits=(0, 66))
        for encoder in ENCODERS
    ]  # fmt: skip
    ends = "; ".join(
        f"{encoder} ends at " + ", ".join(f"{name} {value:.1f}" for name, value in each.items())
        for encoder, each in last.items()
    )
    worst = {encoder: min(each, key=each.__getitem__) for encoder, each in last.items()}
    rows = [
        [name, *(last[encoder][name] for encoder in ENCODERS),
         len(scope.split(name).train) / (scope.split(name).train.n_users or 1)]
        for name in scope.data
    ]  # fmt: skip
    return Finding(
        f"Positives alone: {ends}",
        [Table(("data", "MF, last effective rank", "LightGCN, last effective rank",
                "interactions a user"), rows, form="{:.1f}")],
        panels,
        {"last": last, "worst": worst},
        remarks=("The paper prints no numbers here.",),
    )  # fmt: skip


EXPERIMENT = Experiment(
    id="figure-5",
    title="the extent of collapse on each data set",
    claim="Yelp suffers most from the collapse and CiteULike least",
    source="Figure 5, section V-B1",
    cost="minutes on citeulike, an hour or two on gowalla and on yelp2018",
    compute=compute,
    grid=grid,
    on=("citeulike", "yelp", "gowalla"),
    across=True,
)
