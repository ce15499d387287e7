"""Trains one run of an experiment, records its epochs and evaluates its end."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from fullrank.data.interactions import Interactions
from fullrank.data.splits import Split
from fullrank.encoders import Pair
from fullrank.errors import FitError
from fullrank.evaluation import evaluate
from fullrank.lab.spec import Run
from fullrank.lab.watch import Watch
from fullrank.methods import ClosedFormMethod, Method, TrainedMethod
from fullrank.methods.searched import SearchedMethod
from fullrank.methods.validating import ranked_tables
from fullrank.presets import method_with
from fullrank.serving import DotScorer
from fullrank.training import CheckpointFile, Reporter, Silent, Trainer
from fullrank.training.checkpoint import Record

CUTOFFS = (10, 20)
METRICS = ("ndcg", "recall")
PROTOCOLS = ("standard", "published")


class Trained(NamedTuple):
    """What a run leaves."""

    metrics: dict[str, float]
    """``standard/ndcg@10`` and the like, of the part that the run is for."""
    users: dict[str, NDArray[np.float64]]
    """The same of each user, NaN for those that the protocol leaves out."""
    history: list[Record]
    """Epoch 0 and each epoch; a method without epochs has none."""
    seconds: float
    """Of training, or solving, alone."""
    tables: Pair | None
    error: str | None = None
    """Why it has no metrics: the loss diverged."""


def resolved(run: Run, train: Interactions) -> Method:
    """The method with all its settings, what ``train`` decides on included.

    Raises:
        SettingError: a name is unknown, or a value is out of bounds.
    """
    values = dict(run.settings)
    preset = values.pop("preset", None)
    named = None if preset is None else f"{preset}:{run.data}"
    method = method_with(run.method, named, values | {"seed": run.seed}).fitted_to(train)
    if isinstance(method, SearchedMethod):
        method = method.following(train)
        method = method.replace(auto=())
    return method


def train(
    run: Run,
    method: Method,
    split: Split,
    *,
    checkpoint: CheckpointFile | None = None,
    reporter: Reporter | None = None,
    start: Mapping[str, Tensor] | None = None,
) -> Trained:
    """Trains a run, or goes on from its checkpoint, and evaluates its end.

    Args:
        run: What is trained.
        method: Its method, `resolved`.
        split: Its data, with a validation part or without, as the run says.
        checkpoint: Where its state is kept.
        reporter: Receives the log.
        start: ``users`` and ``items`` to begin with, in place of random rows.

    Raises:
        KeyboardInterrupt: Ctrl-C, after a checkpoint.
    """
    part = {"validation": split.validation, "test": split.test, "none": None}[run.part]
    if part is None and run.part != "none":
        raise FitError(split.name, f"no {run.part} part", "one to evaluate on")
    if isinstance(method, ClosedFormMethod):
        return _solved(method, split.train, part)
    if not isinstance(method, TrainedMethod):
        raise TypeError(f"found {type(method)}; expected a method of the table")
    plan = method.plan(split.train, "cpu")
    if start is not None:
        for side in ("user", "item"):
            plan.encoder.parameters[f"{side}_table"].copy_(start[f"{side}s"])

    def tables() -> Pair:
        return ranked_tables(method, plan.encoder.tables())

    watched = part if run.part == "validation" else None
    watch = Watch(tables, split.train, watched, run.every, method.epochs)
    first = {"epoch": 0, **watch(0)}
    trainer = Trainer(plan, method, observe=watch, checkpoint=checkpoint)
    trainer.reporter = reporter or Silent()
    try:
        trainer.run(resume=checkpoint is not None and checkpoint.exists())
    except FitError as error:  # divergence is an answer, too: the paper's sweeps run into it
        if checkpoint is not None and error.where == str(checkpoint.path):
            raise
        return Trained({}, {}, [first, *trainer.progress.history], 0.0, None, str(error))
    metrics, users = evaluated(DotScorer(*tables()), split.train, part)
    progress = trainer.progress
    return Trained(metrics, users, [first, *progress.history], progress.seconds, tables())


def _solved(method: ClosedFormMethod, data: Interactions, part: Interactions | None) -> Trained:
    began = time.perf_counter()
    scorer = method.solve(data, "cpu")
    seconds = time.perf_counter() - began
    metrics, users = evaluated(scorer, data, part)
    return Trained(metrics, users, [], seconds, None)


def evaluated(
    scorer: Any, train: Interactions, part: Interactions | None
) -> tuple[dict[str, float], dict[str, NDArray[np.float64]]]:
    """Means and values of users, by both protocols; nothing without a part."""
    if part is None:
        return {}, {}
    cutoffs = [k for k in CUTOFFS if k <= train.n_items] or [train.n_items]
    metrics: dict[str, float] = {}
    users: dict[str, NDArray[np.float64]] = {}
    for protocol in PROTOCOLS:
        found = evaluate(scorer, part, train=train, k=cutoffs, protocol=protocol, metrics=METRICS)
        for name in found.names_per_user:
            metrics[f"{protocol}/{name}"] = found[name]
            aligned = np.full(train.n_users, np.nan)
            aligned[found.users] = found.per_user(name)
            users[f"{protocol}/{name}"] = aligned
    return metrics, users
