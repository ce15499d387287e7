"""Fitting a method by many workers; the result is an ordinary model."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fullrank.data import Interactions, Split
from fullrank.data.parts import parts_of
from fullrank.engine.devices import torch_threads
from fullrank.errors import FitError, SettingError
from fullrank.methods import Method, TrainedMethod
from fullrank.methods.fitting import identity_of
from fullrank.methods.sizes import check_batch
from fullrank.recommender import Recommender
from fullrank.scale.job import Found, Job
from fullrank.scale.launch import Crew, run
from fullrank.scale.sources import InMemory
from fullrank.scale.steps import Balancing, check_method, check_weights
from fullrank.serving import DotScorer
from fullrank.spectrum import unit_rows
from fullrank.training.progress import Reporter, Silent

_log = logging.getLogger(__name__)


def fit(
    model: Recommender | Method | str,
    train: Split | Interactions,
    *,
    workers: int,
    balancing: Balancing = "global",
    checkpoint: str | Path | None = None,
    resume: bool = False,
    reporter: Reporter | None = None,
    note: Callable[[str], None] = _log.warning,
    started: Callable[[Sequence[int]], None] = lambda pids: None,  # noqa: ARG005
) -> Recommender:
    """Learns embeddings as ``Recommender.fit`` does, by so many workers that Ray starts.

    Batches are those of one worker and tables are equal to its up to the order of sums. One worker
    is the plain path itself.

    Args:
        model: What to fit; or a method, or the name of one.
        train: A split, or interactions.
        workers: How many, W.
        balancing: ``global`` balances rows against the whole batch, ``local`` against those of
            their worker, without a message.
        checkpoint: Folder to keep the state of the run in, on a disk that all workers have. With
            one worker a file.
        resume: Go on from it; the number of workers may be another.
        reporter: Receives the log of training.
        note: Is told what a person should know: a worker that died, a straggler.
        started: Is told the process ids of workers, each time they start.

    Raises:
        SettingError: the method or a setting is not one for several workers, or Ray is missing.
        FitError: the data cannot be trained on, the loss diverges, the checkpoint is of another
            run, or workers die again and again.
        KeyboardInterrupt: Ctrl-C, after a checkpoint.
    """
    model = model if isinstance(model, Recommender) else Recommender(model)
    if workers < 1:
        raise SettingError("setting workers", str(workers), "1 or more")
    if workers == 1:
        return model.fit(train, checkpoint=checkpoint, resume=resume, reporter=reporter)
    parts = parts_of(train)
    method = check_method(model.settings.fitted_to(parts["train"]))
    if resume and checkpoint is None:
        raise SettingError("resume", "no checkpoint", "checkpoint = the folder to go on from")
    check_batch(method.batch_size, len(parts["train"]))
    check_weights(method, parts["train"])
    if parts["train"].weight is not None:
        warnings.warn(f"weights: {method.without_weights}", stacklevel=2)
    if not parts.get("validation"):
        parts.pop("validation", None)
    crew = Crew(workers, torch.device(model.device).type, model.threads, note, started)
    source = InMemory.of({name: parts[name] for name in ("train", "validation") if name in parts})
    identity = identity_of(method, parts, None) | {"balancing": balancing}
    job = Job(
        method,
        source,
        balancing,
        None if checkpoint is None else str(Path(checkpoint).absolute()),
        resume,
        identity,
    )
    with torch_threads(model.threads):
        fitted = fit_job(job, crew, reporter)
    model.take(fitted, train, parts)
    return model


def fit_job(
    job: Job, crew: Crew, reporter: Reporter | None = None
) -> tuple[DotScorer, dict[str, Any]]:
    """What ranks, and metadata of how it came about, of a job on pairs that lie anywhere.

    Raises:
        FitError, KeyboardInterrupt: see `fit`.
    """
    if job.checkpoint is not None and not job.resume:
        _check_free(job.checkpoint)
    began = time.perf_counter()
    found = run(job, crew, reporter or Silent())
    metadata = metadata_of(found, job.balancing, time.perf_counter() - began)
    return scorer_of(job.method, found), metadata


def _check_free(folder: str) -> None:
    from fullrank.scale.checkpoint import read_manifest

    if read_manifest(folder) is not None:
        expected = "resume=True to go on from it, or a path that is free to begin anew"
        raise FitError(folder, "the checkpoint of another run", expected)


def scorer_of(method: TrainedMethod, found: Sequence[Found]) -> DotScorer:
    """What the model ranks with, of the blocks of all workers."""
    tables = []
    for side in ("users", "items"):
        blocks = [getattr(each, side) for each in found]
        table = torch.from_numpy(np.concatenate(blocks))
        tables.append(unit_rows(table) if method.cosine else table)
    return DotScorer(*tables)


def metadata_of(found: Sequence[Found], balancing: Balancing, seconds: float) -> dict[str, Any]:
    """Of the first worker, with what the collectives have cost each."""
    first = dict(found[0].metadata)
    return first | {
        "workers": len(found),
        "balancing": balancing,
        "seconds_with_validation": seconds,
        "collectives": [each.metadata["collectives"] for each in found],
    }
