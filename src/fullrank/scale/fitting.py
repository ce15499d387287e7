"""Fitting a method by many workers; the result is an ordinary model."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fullrank.auditing import with_provenance
from fullrank.data import Interactions, Split
from fullrank.data.parts import parts_of
from fullrank.data.store.opening import EVALUATED, Store
from fullrank.engine.devices import torch_threads
from fullrank.errors import DataError, FitError, SettingError
from fullrank.evaluation import Evaluation
from fullrank.evaluation.evaluate import cutoffs_of
from fullrank.methods import Method, TrainedMethod
from fullrank.methods.base import PairMethod
from fullrank.methods.encoding import initial_tables
from fullrank.methods.fitting import identity_of
from fullrank.methods.sizes import check_batch
from fullrank.methods.starting import NAMES as TABLES
from fullrank.methods.starting import Start
from fullrank.recommender import Recommender
from fullrank.scale.evaluating import PART, Piece, joined
from fullrank.scale.job import Found, Job
from fullrank.scale.launch import Crew, run, worker_device
from fullrank.scale.sources import InMemory, Source
from fullrank.scale.steps import Balancing, check_method, check_weights
from fullrank.scale.stored import Stored, split_of
from fullrank.serving import DotScorer
from fullrank.serving.frames import NOTHING_UNKNOWN
from fullrank.training.progress import Reporter, Silent

_log = logging.getLogger(__name__)


def fit(
    model: Recommender | Method | str,
    train: Split | Interactions | Store,
    *,
    workers: int,
    balancing: Balancing = "global",
    checkpoint: str | Path | None = None,
    resume: bool = False,
    source: Source | None = None,
    k: Sequence[int] = (),
    evaluated: int = EVALUATED,
    tested: Callable[[Evaluation], None] = lambda found: None,  # noqa: ARG005
    start_from: str | Path | Recommender | None = None,
    reporter: Reporter | None = None,
    note: Callable[[str], None] = _log.warning,
    started: Callable[[Sequence[int]], None] = lambda pids: None,  # noqa: ARG005
) -> Recommender:
    """Learns embeddings as ``Recommender.fit`` does, by so many workers that Ray starts.

    Batches are those of one worker and tables are equal to its up to the order of sums. One worker
    is the plain path itself.

    Of a store each worker maps the pairs of its users, and this process none: the model that comes
    out has its tables and ids in memory, and its pairs mapped from the files of the store.

    Args:
        model: What to fit; or a method, or the name of one.
        train: A split, interactions, or a store, by whose validation part the epoch is chosen if it
            has one.
        workers: How many, W.
        balancing: ``global`` balances rows against the whole batch, ``local`` against those of
            their worker, without a message.
        checkpoint: Folder to keep the state of the run in, on a disk that all workers have. With
            one worker a file.
        resume: Go on from it; the number of workers may be another.
        source: Where workers get the pairs of ``train`` from, if not from this process; of a store
            it is the store.
        k: Cutoffs to evaluate the test part at, by all workers, when the model is fitted; it keeps
            the figures as ``metrics``. Not evaluated without any.
        evaluated: Of a store, users of the validation and the test part to evaluate on; see
            `Store.split`.
        tested: Is given the evaluation of the test part, values of users included.
        start_from: A model whose embeddings training begins with; see ``Recommender.fit``.
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
    if isinstance(train, Store):
        data: Split | Interactions
        data = split_of(train, evaluated=evaluated, checked=workers == 1)
        source = Stored.of(train, evaluated=evaluated)
    else:
        data = train
    if workers == 1:
        how: dict[str, Any] = {"reporter": reporter, "start_from": start_from}
        model.fit(data, checkpoint=checkpoint, resume=resume, **how)
        if k and model.test:
            _keep(model, lambda: model.evaluate(k=k), tested, note)
        return model
    parts = parts_of(data)
    if resume and checkpoint is None:
        raise SettingError("resume", "no checkpoint", "checkpoint = the folder to go on from")
    parts = {name: part for name, part in parts.items() if name == "train" or len(part)}
    cutoffs = tuple(cutoffs_of(k, parts["train"].n_items)) if k else ()
    if source is None:
        source = InMemory.of({name: parts[name] for name in parts if k or name != PART})
    kept = None if checkpoint is None else str(Path(checkpoint).absolute())
    crew = Crew(workers, worker_device(model.device), model.threads, note, started)
    with torch_threads(model.threads):
        job = job_of(model.settings, parts, source, balancing, Start.of(start_from))
        job = replace(job, checkpoint=kept, resume=resume, cutoffs=cutoffs)
        fitted, pieces = fit_job(job, crew, reporter)
    model.take(fitted, data, parts)
    if pieces:
        _keep(model, lambda: _evaluation(model, pieces, data), tested, note)
    return model


def job_of(
    method: Method,
    parts: Mapping[str, Interactions],
    source: Source,
    balancing: Balancing,
    start: Start | None = None,
) -> Job:
    """What workers are to do, seen to before they start.

    Raises:
        SettingError, FitError: see `fit`.
    """
    train = parts["train"]
    trained = check_method(method.fitted_to(train))
    check_batch(trained.batch_size, len(train))
    check_weights(trained, train)
    if train.weight is not None:
        warnings.warn(f"weights: {trained.without_weights}", stacklevel=3)
    identity = identity_of(trained, parts, start) | {"balancing": balancing}
    job = Job(trained, source, balancing, identity=identity)
    return job if start is None else replace(job, start=_begun(trained, train, start))


def _begun(
    method: TrainedMethod, data: Interactions, start: Start
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Tables as drawn, with the rows that training begins with put over them."""
    start.check(method)
    if isinstance(method, PairMethod) and method.encoder == "lightgcn":
        raise SettingError("start_from", "encoder lightgcn with several workers", "encoder = mf")
    drawn = initial_tables(method, data, torch.Generator().manual_seed(method.seed), "cpu")
    start.put(dict(zip(TABLES, drawn, strict=True)), data)
    users, items = (table.numpy() for table in drawn)
    return users, items


def refit(
    model: Recommender,
    *,
    workers: int,
    balancing: Balancing = "global",
    start_from: str | Path | Recommender | None = None,
    reporter: Reporter | None = None,
    note: Callable[[str], None] = _log.warning,
) -> Recommender:
    """``Recommender.refit`` by several workers: on all interactions of the model, as it was fitted.

    The pairs of all parts are put together in this process.

    Args:
        model: One that is fitted.
        workers: How many, W.
        balancing: See `fit`.
        start_from: Likewise, as are the others.
        reporter: See `fit`.
        note: See `fit`.

    Raises:
        SettingError, FitError, KeyboardInterrupt: see `fit`.
    """

    def by_workers(
        method: Method,
        parts: Mapping[str, Interactions],
        device: str,
        *,
        reporter: Reporter | None,
        start: Start | None,
    ) -> tuple[DotScorer, dict[str, Any]]:
        job = job_of(method, parts, InMemory.of(parts), balancing, start)
        crew = Crew(workers, worker_device(device), model.threads, note)
        return fit_job(job, crew, reporter)[0]

    if workers == 1:
        return model.refit(reporter=reporter, start_from=start_from)
    return model.refit(reporter=reporter, start_from=start_from, by=by_workers)


def fit_job(
    job: Job, crew: Crew, reporter: Reporter | None = None
) -> tuple[tuple[DotScorer, dict[str, Any]], list[Piece]]:
    """What ranks and metadata of how it came about, and what was found of the test part.

    Raises:
        FitError, KeyboardInterrupt: see `fit`.
    """
    if job.checkpoint is not None and not job.resume:
        _check_free(job.checkpoint)
    began = time.perf_counter()
    found = run(job, crew, reporter or Silent())
    metadata = metadata_of(found, job.balancing, time.perf_counter() - began)
    pieces = [each.test for each in found if each.test is not None]
    return (scorer_of(found), metadata), pieces


def _keep(
    model: Recommender,
    evaluate: Callable[[], Evaluation],
    tested: Callable[[Evaluation], None],
    note: Callable[[str], None],
) -> None:
    """Keeps figures with a model, which is one whatever its test part is like."""
    try:
        found = evaluate()
    except DataError as error:
        note(f"not evaluated: {error}")
        return
    model.metrics = found.to_dict()
    tested(found)


def _evaluation(
    model: Recommender, pieces: Sequence[Piece], split: Split | Interactions
) -> Evaluation:
    """What `Recommender.evaluate` gives, of what the workers have found."""
    if not isinstance(split, Split) or split.test is None:
        raise TypeError(f"found {type(split)}; expected a split with a test part")
    said: dict[str, Any] = {**NOTHING_UNKNOWN, "method": model.method}
    said |= {"seed": model.settings.seed, "data": model.data_name}
    parts = {name: part for name, part in split.parts.items() if name == "train" or len(part)}
    found = joined(pieces, parts)
    return with_provenance(found, parts, split.test, split=split.how, **said)


def _check_free(folder: str) -> None:
    from fullrank.scale.checkpoint import read_manifest

    if read_manifest(folder) is not None:
        expected = "resume=True to go on from it, or a path that is free to begin anew"
        raise FitError(folder, "the checkpoint of another run", expected)


def scorer_of(found: Sequence[Found]) -> DotScorer:
    """What the model ranks with, of the blocks of all workers."""
    sides = ([getattr(each, side) for each in found] for side in ("users", "items"))
    users, items = (torch.from_numpy(np.concatenate(blocks)) for blocks in sides)
    return DotScorer(users, items)


def metadata_of(found: Sequence[Found], balancing: Balancing, seconds: float) -> dict[str, Any]:
    """Of the first worker, with what the collectives have cost each."""
    first = dict(found[0].metadata)
    return first | {
        "workers": len(found),
        "balancing": balancing,
        "seconds_with_validation": seconds,
        "collectives": [each.metadata["collectives"] for each in found],
    }
