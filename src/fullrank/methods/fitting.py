"""Fitting a method on interactions: trained in epochs, or solved at once."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch

from fullrank.data.files import expanded
from fullrank.data.interactions import Interactions
from fullrank.data.memory import available_memory
from fullrank.data.sampling import Sampler
from fullrank.engine.choose import device_for
from fullrank.engine.devices import AUTO, gpu_or_cpu, without_gpu
from fullrank.errors import FitError, SettingError
from fullrank.methods.base import ClosedFormMethod, Method, TrainedMethod
from fullrank.methods.closed_form.popular import ByPopularity
from fullrank.methods.own import StandIn
from fullrank.methods.probing import Ranks
from fullrank.methods.searched import Counted, SearchedMethod
from fullrank.methods.starting import Start
from fullrank.methods.validating import Validator, finds_power, ranked_tables
from fullrank.serving import AllPassScorer, DotScorer
from fullrank.serving.model_files import versions
from fullrank.serving.scorers import HistoryScorer, ItemScorer
from fullrank.spectrum.measure import entropy_rank
from fullrank.training import CheckpointFile, Plan, Reporter, Search, Silent, Trainer
from fullrank.training.optim import optimizer

Fitted = tuple[DotScorer | HistoryScorer, dict[str, Any]]
"""What ranks, and metadata of how it came about."""

_NOTHING: Mapping[str, Any] = {}
_NOT_IDENTITY = {"epochs", "patience", "checkpoint_every", "weighting"}
"""Settings that may change between a run and its continuation."""


def fit(
    method: Method,
    parts: Mapping[str, Interactions],
    device: str,
    *,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    reporter: Reporter | None = None,
    enough: Callable[[], bool] = lambda: False,
    start: Start | None = None,
) -> Fitted:
    """Trains a method to its last epoch, or to the best by the validation part; or solves it.

    Args:
        method: The method with its settings.
        parts: ``train``, and ``validation`` where there is one.
        device: Where training runs.
        checkpoint: File to keep the state of the run in.
        resume: Go on from it.
        reporter: Receives the log of training.
        enough: Whether no further epoch is to begin; asked before each.
        start: What rows begin with, where not as drawn.

    Raises:
        FitError: the loss diverges, the checkpoint is of another run, or it would be lost without
            ``resume``.
        SettingError: ``resume`` or ``start`` with a method that has no epochs, a size that memory
            does not hold, or a start of another width or other ids.
    """
    train, validation = parts["train"], parts.get("validation") or None
    if start is not None:
        start.check(method)
    file = None if checkpoint is None else _checkpoint(checkpoint, method, parts, start)
    if file is not None and file.exists() and not resume:
        expected = "resume=True to go on from it, or a path that is free to begin anew"
        raise FitError(str(file.path), "the checkpoint of another run", expected)
    if train.weight is not None and not method.uses_weights:
        warnings.warn(f"weights: {method.without_weights}", stacklevel=3)
    if isinstance(method, StandIn):
        what = "the settings of a saved model alone"
        raise FitError(f"method {method.name}", what, "its class (--import the file that has it)")
    if isinstance(method, ClosedFormMethod) and resume:
        raise SettingError("resume", f"method {method.name}", "a method with epochs")
    if not isinstance(method, TrainedMethod | ClosedFormMethod):
        raise TypeError(f"found {type(method)}; expected a TrainedMethod or a ClosedFormMethod")
    wanted, method = method, method.fitted_to(train)
    reduced = _reduced(wanted, method)
    if isinstance(method, ClosedFormMethod):
        solved, metadata = _solved(method, train, device, reporter)
        return solved, metadata | reduced
    data = _Data(train, validation, device, enough, start)
    began = time.perf_counter()
    if isinstance(method, SearchedMethod):
        method = method.following(train)
    try:
        trainer, found = _run(method, data, file, resume, reporter)
    except torch.OutOfMemoryError as error:  # of a GPU
        data = data._replace(device=without_gpu(device, error))
        trainer, found = _run(method, data, file, resume, reporter)
    found["seconds_with_validation"] = time.perf_counter() - began
    scorer, metadata = _trained(method, trainer, train)
    return scorer, metadata | found | reduced


class _Data(NamedTuple):
    """What a trainer is made for."""

    train: Interactions
    validation: Interactions | None
    device: str
    enough: Callable[[], bool]
    start: Start | None


def _run(
    method: TrainedMethod,
    data: _Data,
    checkpoint: CheckpointFile | None,
    resume: bool,
    reporter: Reporter | None,
) -> tuple[Trainer, dict[str, Any]]:
    """The trainer at its end, and metadata of what was found on the way."""
    if isinstance(method, SearchedMethod) and method.candidates() and data.validation is not None:
        return _searched(method, data, checkpoint, resume, reporter)
    trainer = _trainer(method, data)
    trainer.checkpoint, trainer.reporter = checkpoint, reporter or Silent()
    trainer.run(resume=resume)
    if isinstance(method, SearchedMethod):
        return trainer, {"chosen": chosen(method, trainer)}
    return trainer, {}


def _searched(
    method: SearchedMethod,
    data: _Data,
    checkpoint: CheckpointFile | None,
    resume: bool,
    reporter: Reporter | None,
) -> tuple[Trainer, dict[str, Any]]:
    sampler = method.build_sampler(data.train)
    search = Search(
        lambda values: _trainer(method.replace(**values), data, sampler),
        method.candidates()[: trial_room(method, data.train)],
        method.rungs(),
        propose=method.proposals,
        checkpoint=checkpoint,
        reporter=reporter,
    )
    trainer, values, trials = search.run(resume=resume)
    return trainer, {"chosen": chosen(method, trainer, values), "search": trials}


def chosen(
    method: SearchedMethod, trainer: Trainer, values: Mapping[str, Any] = _NOTHING
) -> dict[str, Any]:
    """What was found, by a search and by the validation checks of the run that won."""
    power = trainer.progress.best_item_power
    return method.found({**values, **({} if power is None else {"item_power": power})})


def trial_room(method: TrainedMethod, train: Counted) -> int:
    """How many trials at a time half the free memory holds, at least one.

    Each has its tables, those of its best epoch and what the optimiser remembers.
    """
    copies = {"sgd": 2, "adagrad": 3, "adam": 4, "dense-adam": 4}[method.optimizer]
    each = 4 * copies * (train.n_users + train.n_items) * method.dim
    free = available_memory()
    return sys.maxsize if free is None else max(1, free // (2 * each))


def _trained(method: TrainedMethod, trainer: Trainer, train: Interactions) -> Fitted:
    progress = trainer.progress
    # Lists are made on the processor, with the same bits on every machine.
    users, items = (table.cpu() for table in trainer.plan.encoder.tables())
    ranked = ranked_tables(method, (users, items), progress.best_item_power)
    tables = (users, items) if method.cosine else ranked
    return DotScorer(*ranked), {
        "engine": trainer.choice.metadata if trainer.choice else None,
        "epochs": progress.epoch,
        "best_epoch": progress.best_epoch,
        "validation_ndcg@20": progress.best_metric,
        "loss": progress.history[-1]["loss"] if progress.history else None,
        **Ranks(train).metadata(tables),
        "seconds": progress.seconds,
        "parameters": sum(table.numel() for table in trainer.plan.parameters.values()),
        "history": progress.history,
    }


def _trainer(method: TrainedMethod, data: _Data, sampler: Sampler | None = None) -> Trainer:
    plan = _plan(method, data, sampler)
    if data.start is not None:
        data.start.put(plan.encoder.parameters, data.train)
    validator = None
    if data.validation is not None:
        validator = Validator(method, plan.encoder, data.train, data.validation)
    return Trainer(
        plan,
        method,
        validate=validator,
        powers=validator if finds_power(method) else None,
        probe=Ranks(data.train).probe(plan.encoder.tables, correlations=method.record_correlation),
        enough=data.enough,
    )


def _plan(method: TrainedMethod, data: _Data, sampler: Sampler | None) -> Plan:
    if data.device != AUTO:
        return method.plan(data.train, data.device, sampler)
    plan = method.plan(data.train, "cpu", sampler)
    device = device_for(plan.step, plan.encoder, optimizer(method.optimizer))
    return plan if device == "cpu" else method.plan(data.train, device, plan.sampler)


def _checkpoint(
    path: str | Path, method: Method, parts: Mapping[str, Interactions], start: Start | None
) -> CheckpointFile:
    """The file, bound to the run."""
    return CheckpointFile(expanded(path), identity_of(method, parts, start))


def identity_of(
    method: Method, parts: Mapping[str, Interactions], start: Start | None
) -> dict[str, Any]:
    """What makes a run this run: its settings, its data and what it is made with."""
    settings = method.model_dump(mode="json", exclude=_NOT_IDENTITY)
    if isinstance(method, SearchedMethod):
        settings["searched"] = settings.pop("auto")
    if start is not None:
        settings["start"] = start.fingerprint
    known = ("train", "validation")
    prints = {name: parts[name].fingerprint for name in known if parts.get(name)}
    made_with = {name: versions()[name] for name in ("fullrank", "torch", "kernels")}
    if made_with["kernels"].startswith("torch"):  # for whatever reason: the bits are the same
        made_with["kernels"] = "torch"
    return {"method": method.name, **settings, **prints, **made_with}


def _reduced(wanted: Method, used: Method) -> dict[str, Any]:
    """What the table had no room for, for the metadata of training; says so in a warning."""
    before, after = wanted.model_dump(), used.model_dump()
    changed = {name: [before[name], after[name]] for name in after if before[name] != after[name]}
    if not changed:
        return {}
    listed = ", ".join(f"{name} {new} in place of {old}" for name, (old, new) in changed.items())
    warnings.warn(f"{used.name} on a small table: {listed}", stacklevel=4)
    return {"reduced": changed}


def _solved(
    method: ClosedFormMethod, train: Interactions, device: str, reporter: Reporter | None
) -> Fitted:
    began = time.perf_counter()
    return _with_metadata(method.solve_reported(train, gpu_or_cpu(device), reporter), train, began)


def vary(method: Method, of: Method, fitted: Fitted, train: Interactions) -> Fitted | None:
    """What `fit` gives, from what it gave with settings ``of``, where a method has a short way.

    Its seconds are those of both: without the first there is no short way.
    """
    began = time.perf_counter()
    if not isinstance(method, ByPopularity) or not method.varies(of):
        return None
    scorer = method.varied(fitted[0], train)
    if scorer is None:
        return None
    made = _with_metadata(scorer, train, began)
    for name in ("seconds", "seconds_with_validation"):
        made[1][name] += fitted[1][name]
    return made


def _with_metadata(scorer: DotScorer | HistoryScorer, train: Interactions, began: float) -> Fitted:
    seconds = time.perf_counter() - began
    metadata: dict[str, Any] = {
        "engine": {"name": "closed form", "passed_over": {}},
        "seconds": seconds,
        "seconds_with_validation": seconds,
        "history": [],
    }
    if isinstance(scorer, DotScorer):
        metadata |= Ranks(train).metadata((scorer.user_table, scorer.item_table))
        metadata["parameters"] = scorer.user_table.numel() + scorer.item_table.numel()
    else:
        metadata["parameters"] = scorer.n_weights
    if isinstance(scorer, AllPassScorer):
        rank = entropy_rank(scorer.spectrum)  # rows without interactions are zero in its tables
        metadata |= Ranks(train).beside(rank, rank)
    if isinstance(scorer, AllPassScorer | DotScorer | ItemScorer):
        metadata |= scorer.metadata
    return scorer, metadata
