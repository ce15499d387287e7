"""Table V: seconds per epoch, and their ratios to the plain model's.

Three epochs of each method with batches of 256: on CiteULike minutes, on Gowalla an hour or two.
Time it on a machine with nothing else to do: runs are stored as they were timed.
"""

from __future__ import annotations

from typing import Any

from fullrank.lab.groups import Groups
from fullrank.lab.paper import RATIOS, SECONDS
from fullrank.lab.scope import Scope
from fullrank.lab.spec import Experiment, Finding, Grid, Run, Table
from fullrank.pictures import Bar, Bars
from fullrank.pictures.panels import Role

ON_GRAPH = {"encoder": "lightgcn", "layers": 3}
RUNS: dict[str, tuple[str, dict[str, Any]]] = {
    "BPR": ("bpr", {}),
    "DirectSpec+(MF)": ("directspec+", {"alpha": 0.8, "tau": 3.0, "lr": 10.0}),
    "LightGCN": ("bpr", ON_GRAPH),
    "DirectSpec+(GCN)": ("directspec+", {"alpha": 0.8, "tau": 3.0, "lr": 10.0, **ON_GRAPH}),
    "SGL-ED": ("sgl-ed", {"layers": 3, "optimizer": "sgd", "lr": 1.0}),
    "LightGCL": ("lightgcl", {"layers": 3, "optimizer": "sgd", "lr": 1.0}),
}
AS_PUBLISHED = {"directspec+": {"distinct": False, "systematic": False}}
BASE = {"DirectSpec+(MF)": "BPR", "DirectSpec+(GCN)": "LightGCN", "SGL-ED": "LightGCN",
        "LightGCL": "LightGCN"}  # fmt: skip


def grid(scope: Scope) -> Grid:
    """Every method on every data set, whole train parts, SGD, d = 64, B = 256."""
    shared = {"epochs": scope.epochs(3, 2), "batch_size": 256, "dim": 64}
    return {
        f"{label} on {name}": Run(
            method, shared | values | AS_PUBLISHED.get(method, {}), name, "none", timed=True
        )
        for name in scope.data
        for label, (method, values) in RUNS.items()
    }


def compute(scope: Scope, groups: Groups) -> Finding:
    """The median of all timed epochs, and its ratio to that of the model without DirectSpec+."""
    tables, panels, sentences = [], [], []
    numbers: dict[str, dict[str, float]] = {}
    for name in scope.data:
        found = {label: groups[f"{label} on {name}"].epoch_seconds or 0.0 for label in RUNS}
        numbers[name] = found
        rows, bars = [], []
        for label, seconds in found.items():
            ratio = seconds / found[BASE[label]] if label in BASE else None
            printed = SECONDS[label].get(name), RATIOS.get(label, {}).get(name)
            rows.append([label, f"{seconds:.3g}", printed[0], ratio, printed[1]])
            role: Role = "subject" if label.startswith("DirectSpec") else "other"
            if ratio is not None:
                bars.append(Bar(f"{label} / {BASE[label]}", ratio, paper=printed[1], role=role))
        heads = ("method", "s/epoch", "paper", "over the plain model", "paper")
        tables.append(Table(heads, rows, title=name, form="{:.2f}"))
        panels.append(Bars(name, "seconds of an epoch over the plain model's", bars, "{:.2f}"))
        plus, graph = (found[f"DirectSpec+({e})"] / found[b] for e, b in
                       (("MF", "BPR"), ("GCN", "LightGCN")))  # fmt: skip
        sentences.append(f"{plus:.2f} times BPR's and {graph:.2f} times LightGCN's on {name}")
    threads = {str(group.run.data): group.done[0].versions["kernels"] for group in groups.values()}
    return Finding(
        f"An epoch of DirectSpec+ takes {'; '.join(sentences)}",
        tables,
        panels,
        numbers,
        remarks=(
            (
                "Ours on a CPU with kernels of our own, the paper's on an RTX A6000 with PyTorch: "
                "compare the ratios, not the seconds."
            ),
            f"Kernels: {', '.join(sorted(set(threads.values())))}. The median over all epochs.",
        ),
    )


EXPERIMENT = Experiment(
    id="table-5",
    title="training time per epoch",
    claim="DirectSpec+(MF) takes about half as much again as BPR, DirectSpec+(GCN) hardly more "
    "than LightGCN, SGL-ED several times as much",
    source="Table V, section V-B2",
    cost="ten minutes on citeulike; an hour or two on gowalla",
    compute=compute,
    grid=grid,
    on=("citeulike", "yelp", "gowalla"),
    across=True,
    paper={"seconds": SECONDS, "ratios": RATIOS},
)
