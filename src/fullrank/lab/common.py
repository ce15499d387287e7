"""The runs that several figures share, each said once, so that they are trained once.

Pairwise methods run as the paper says: SGD, d = 64, batches of 256, pairs drawn over interactions,
one learning rate for all. On LightGCN batches are four times as large and so is the rate, which
moves a pair's rows by as much and costs a quarter of the propagations.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fullrank.lab.scope import Scope
from fullrank.lab.spec import Part, Run

LR, BATCH = 40.0, 256
"""At a third of the rate a hundred epochs of BPR on citeulike end before the recovery."""
COARSER = 4
"""Factor of batch size and learning rate on LightGCN."""
GRAPH = {"encoder": "lightgcn", "layers": 3}
NAMES = {
    "log-positive": "log loss",
    "euclidean-positive": "Euclidean",
    "bpr": "BPR",
    "bce": "BCE",
    "directspec": "DirectSpec",
    "directspec+": "DirectSpec+",
}
BALANCED: Mapping[str, Mapping[str, Any]] = {
    "directspec": {"alpha": 0.05, "distinct": False, "systematic": False},
    "directspec+": {"alpha": 0.8, "tau": 3.0, "distinct": False, "systematic": False},
}
"""Settings where the data has no preset; the learning rate is by the rule of the methods."""
DENSE: Mapping[str, Mapping[str, float]] = {"ml-100k": {"alpha": 0.6}}
"""What figure 10 found on the validation part of data sets without a preset."""


def curve_epochs(scope: Scope) -> int:
    """Of the curves over training, where a figure does not say otherwise."""
    return scope.epochs(100, 20)


def positive_epochs(scope: Scope) -> int:
    """Of the runs on positives alone, which are done sooner."""
    return scope.epochs(40, 20)


def sweep_epochs(scope: Scope) -> int:
    """Of the runs of a sweep over a setting, each judged by its best epoch."""
    return scope.epochs(100, 15)


def pairwise(
    scope: Scope,
    method: str,
    data: str | None = None,
    *,
    graph: bool = False,
    epochs: int | None = None,
    part: Part = "validation",
    **more: Any,
) -> Run:
    """A method on observed pairs, with or without negatives, by the shared settings.

    Args:
        scope: What is asked for.
        method: ``log-positive``, ``euclidean-positive``, ``bpr``, ``bce``, …
        data: The data set; that of the scope if absent.
        graph: On LightGCN with three layers, not on free rows.
        epochs: Those of `curve_epochs` if absent.
        part: See `Run`.
        more: Settings that differ.
    """
    factor = COARSER if graph else 1
    settings: dict[str, Any] = {
        "dim": 64,
        "optimizer": "sgd",
        "lr": LR * factor,
        "batch_size": BATCH * factor,
        "sampler": "interactions",
        "epochs": curve_epochs(scope) if epochs is None else epochs,
        **(GRAPH if graph else {}),
    }
    return Run(method, settings | more, data or scope.name, part, every=_every(scope, settings))


def balanced(
    scope: Scope,
    method: str,
    data: str | None = None,
    *,
    epochs: int | None = None,
    part: Part = "validation",
    **more: Any,
) -> Run:
    """DirectSpec or DirectSpec+ on free rows, with its published or tuned settings for the data."""
    name = data or scope.name
    settings = scope.preset(method, ("published", "tuned"), name)
    if not settings:
        settings = {**BALANCED[method], **(DENSE.get(name, {}) if method == "directspec+" else {})}
    settings["dim"] = 64
    settings["epochs"] = curve_epochs(scope) if epochs is None else epochs
    return Run(method, settings | more, name, part, every=_every(scope, settings))


def _every(scope: Scope, settings: Mapping[str, Any]) -> int:
    """Epochs between evaluations: about fifty points a curve, each epoch of a quick one."""
    return 1 if scope.quick else max(1, int(settings["epochs"]) // 50)
