"""One fit by many workers: what each gets, what each does, what each gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fullrank.methods.base import PairMethod, TrainedMethod
from fullrank.methods.fitting import chosen, trial_room
from fullrank.methods.searched import SearchedMethod
from fullrank.methods.validating import finds_power
from fullrank.scale.blocks import bounds
from fullrank.scale.checkpoint import ShardedCheckpoint
from fullrank.scale.evaluating import PART, Piece, piece_of
from fullrank.scale.group import Group
from fullrank.scale.loop import ShardTrainer, Team
from fullrank.scale.measuring import Measuring
from fullrank.scale.sampling import ShardSampler
from fullrank.scale.smoothing import Smoothing
from fullrank.scale.sources import Source
from fullrank.scale.steps import Balancing, needs_batch, sharded_step
from fullrank.scale.tables import ShardedMF, given_blocks, initial_blocks
from fullrank.scale.validating import ShardValidator, ranked_blocks
from fullrank.training import Reporter, Search, Silent


@dataclass(frozen=True)
class Job:
    """What every worker gets.

    Args:
        method: The method with its settings.
        source: The pairs.
        balancing: Against the whole batch, or within a worker.
        checkpoint: Folder for the state of the run; none if absent.
        resume: Whether to go on from it.
        identity: What makes the run this run.
        double: Whether to train in float64, for tests of the arithmetic.
        cutoffs: Of the metrics of the test part; they are not computed if there are none.
        start: (n_users, d) and (n_items, d) rows that training begins with; as drawn if absent.
    """

    method: TrainedMethod
    source: Source
    balancing: Balancing = "global"
    checkpoint: str | None = None
    resume: bool = False
    identity: Mapping[str, Any] = field(default_factory=dict)
    double: bool = False
    cutoffs: tuple[int, ...] = ()
    start: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None


@dataclass(frozen=True, eq=False)
class Found:
    """What a worker gives back."""

    users: NDArray[Any]
    """(n, d) its rows, as the method ranks with them."""
    items: NDArray[Any]
    metadata: dict[str, Any]
    """The same of all workers but for ``collectives``, its own seconds and bytes."""
    test: Piece | None
    """Its share of the evaluation of the test part, if there are cutoffs."""


def work(
    group: Group,
    ahead: Group,
    job: Job,
    reporter: Reporter | None = None,
    *,
    stop: Callable[[], bool] = lambda: False,
    slow: Callable[[str], None] = lambda line: None,  # noqa: ARG005
) -> Found:
    """Trains this worker's part of a job.

    Args:
        group: The workers.
        ahead: The same, for what is prepared in the background.
        job: What to train.
        reporter: Receives the log; of the first worker.
        stop: Whether this worker has been asked to stop.
        slow: Is told of stragglers; of the first worker.

    Raises:
        FitError: the loss diverges, or a checkpoint is of another run.
        Stopped: a worker has been asked to stop.
    """
    edges = bounds(job.source.sizes.items, group.size)
    measuring = Measuring(group, edges, job.source)
    smoothing = Smoothing(measuring, job.source, job.checkpoint, job.identity, job.resume)
    trials = _Trials(group, ahead, job, measuring, smoothing, edges, stop, slow)
    checkpoint = None
    if job.checkpoint is not None:
        checkpoint = ShardedCheckpoint(job.checkpoint, group, job.identity, trials.edges)
    method, found = _chosen(job), dict[str, Any]()
    if (
        isinstance(method, SearchedMethod)
        and method.candidates()
        and "validation" in measuring.blocks
    ):
        trainer, method, found = _searched(method, trials, checkpoint, reporter)
    else:
        trainer = trials.trainer(method)
        trainer.reporter, trainer.checkpoint = reporter or Silent(), checkpoint
        trainer.run(resume=job.resume)
        if isinstance(method, SearchedMethod):
            found = {"chosen": chosen(method, trainer)}
    return _found(job, method, trainer, measuring, found)


def _searched(
    method: SearchedMethod,
    trials: _Trials,
    checkpoint: ShardedCheckpoint | None,
    reporter: Reporter | None,
) -> tuple[ShardTrainer, TrainedMethod, dict[str, Any]]:
    """As one worker searches: every worker has the same trials and compares the same figures."""
    room = trials.group.of_each(trial_room(method, trials.job.source.sizes)).min()
    search = Search(
        lambda values: trials.trainer(method.replace(**values)),
        method.candidates()[: int(room)],
        method.rungs(),
        propose=method.proposals,
        checkpoint=checkpoint,  # type: ignore[arg-type]  # it saves and loads as a file does
        reporter=reporter,
    )
    trainer, values, listed = search.run(resume=trials.job.resume)
    if not isinstance(trainer, ShardTrainer):
        raise TypeError(f"found {type(trainer)}; expected a ShardTrainer")
    found = {"chosen": chosen(method, trainer, values), "search": listed}
    return trainer, method.replace(**values), found


def _chosen(job: Job) -> TrainedMethod:
    """The method, with the learning rate that its rule gives, if it has one."""
    if isinstance(job.method, SearchedMethod):
        return job.method.following(job.source.sizes)
    return job.method


@dataclass(frozen=True, eq=False)
class _Trials:
    """Makes trainers of this worker, from settings."""

    group: Group
    ahead: Group
    job: Job
    measuring: Measuring
    smoothing: Smoothing
    item_edges: NDArray[np.int64]
    stop: Callable[[], bool]
    slow: Callable[[str], None]

    @property
    def edges(self) -> dict[str, NDArray[np.int64]]:
        """Where each worker's rows of each table begin and end."""
        users = bounds(self.job.source.sizes.users, self.group.size)
        return {"user_table": users, "item_table": self.item_edges}

    def trainer(self, method: TrainedMethod) -> ShardTrainer:
        """With parameters at their initial values."""
        if self.job.start is None:
            tables = initial_blocks(method, self.job.source.sizes, self.edges, self.group.rank)
        else:
            tables = given_blocks(self.job.start, self.edges, self.group.rank)
        users, items = (
            table.to(self.group.device, torch.float64 if self.job.double else torch.float32)
            for table in tables
        )
        encoder = ShardedMF(users, items, self.group)
        if isinstance(method, PairMethod) and method.encoder == "lightgcn":
            encoder = self.smoothing.encoder(method, (users, items))
        sampler = ShardSampler(
            self.measuring.blocks["train"],
            self.ahead,
            method.sampler,
            method.sampled.negatives,
            damping=method.damping,
            shared=method.sampled.shared,
            systematic=method.systematic,
        )
        whole = needs_batch(method, self.job.balancing)
        team = Team(self.group, self.item_edges, whole, self.stop, self.slow)
        validator = None
        if "validation" in self.measuring.blocks:
            validator = ShardValidator(self.measuring, method, encoder)
        return ShardTrainer(
            encoder,
            sampler,
            sharded_step(method, encoder, self.job.balancing, self.group.device),
            method,
            team,
            validate=validator,
            powers=validator if finds_power(method) else None,
            probe=lambda: {"effective_rank": self.measuring.effective_rank(encoder.tables())},
        )


def _found(
    job: Job,
    method: TrainedMethod,
    trainer: ShardTrainer,
    measuring: Measuring,
    found: Mapping[str, Any],
) -> Found:
    group, tables = measuring.group, trainer.encoder.tables()
    progress, sizes = trainer.progress, job.source.sizes
    ranked = ranked_blocks(measuring, method, tables, progress.best_item_power)
    tables = tables if method.cosine else ranked
    shared = trainer.encoder.parameters.keys() - {"user_table", "item_table"}
    metadata: dict[str, Any] = {
        "engine": {"name": "autograd", "passed_over": {"compiled": "several workers"}},
        "epochs": progress.epoch,
        "best_epoch": progress.best_epoch,
        "validation_ndcg@20": progress.best_metric,
        "loss": progress.history[-1]["loss"] if progress.history else None,
        "effective_rank": measuring.effective_rank(tables),
        "effective_rank_all_rows": measuring.effective_rank(tables, every=True),
        "rows_without_interactions": measuring.without_interactions(),
        "seconds": progress.seconds,
        "parameters": (sizes.users + sizes.items) * method.dim
        + sum(trainer.encoder.parameters[name].numel() for name in shared),
        "history": progress.history,
        **found,
    }
    test = None
    if job.cutoffs and PART in job.source.parts:
        test = piece_of(measuring, ranked, job.cutoffs)
    metadata["collectives"] = group.costs()
    users, items = (table.cpu().numpy() for table in ranked)
    return Found(users, items, metadata, test)
