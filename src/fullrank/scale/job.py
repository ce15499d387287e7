"""One fit by many workers: what each gets, what each does, what each gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fullrank.data import Interactions
from fullrank.encoders import uniform_table
from fullrank.methods.base import TrainedMethod
from fullrank.methods.searched import SearchedMethod
from fullrank.scale.blocks import Sizes, UserBlock, bounds
from fullrank.scale.checkpoint import ShardedCheckpoint
from fullrank.scale.group import Group
from fullrank.scale.loop import ShardTrainer, Team
from fullrank.scale.measuring import Measuring
from fullrank.scale.sampling import ShardSampler
from fullrank.scale.steps import Balancing, needs_batch, sharded_step
from fullrank.scale.tables import ShardedMF
from fullrank.training.checkpoint import Record
from fullrank.training.progress import Reporter, Silent

DRAWN = 2**22
"""Numbers of an initial table that are drawn at a time."""


class Source(Protocol):
    """Where workers get their users from; it travels to each of them."""

    @property
    def sizes(self) -> Sizes:
        """Of the training part."""
        ...

    @property
    def parts(self) -> tuple[str, ...]:
        """``train``, and which there are of ``validation``, ``test`` and ``never``."""
        ...

    def block(self, part: str, first: int, last: int) -> UserBlock:
        """The users ``first .. last - 1`` of a part."""
        ...


@dataclass(frozen=True, eq=False)
class InMemory:
    """Parts in memory, as arrays that Ray's object store hands out without a copy."""

    sizes: Sizes
    arrays: Mapping[str, tuple[NDArray[np.int64], NDArray[np.int32]]]
    """indptr and item_idx of each part."""

    @classmethod
    def of(cls, parts: Mapping[str, Interactions]) -> InMemory:
        """The parts of a split, and the pairs that are never shown."""
        train = parts["train"]
        named = dict(parts) | ({} if train.never is None else {"never": train.never})
        sizes = Sizes(train.n_users, train.n_items, len(train))
        return cls(sizes, {name: (each.indptr, each.item_idx) for name, each in named.items()})

    @property
    def parts(self) -> tuple[str, ...]:
        """See `Source`."""
        return tuple(self.arrays)

    def block(self, part: str, first: int, last: int) -> UserBlock:
        """See `Source`."""
        indptr, item_idx = self.arrays[part]
        start, stop = int(indptr[first]), int(indptr[last])
        whole = replace(self.sizes, pairs=len(item_idx))
        return UserBlock(
            whole, first, start, indptr[first : last + 1] - start, item_idx[start:stop]
        )


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
        metrics: Their names.
    """

    method: TrainedMethod
    source: Source
    balancing: Balancing = "global"
    checkpoint: str | None = None
    resume: bool = False
    identity: Mapping[str, Any] = field(default_factory=dict)
    double: bool = False
    cutoffs: tuple[int, ...] = ()
    metrics: tuple[str, ...] = ("recall", "ndcg")


@dataclass(frozen=True, eq=False)
class Found:
    """What a worker gives back."""

    users: NDArray[Any]
    """(n, d) its rows, as the method ranks with them."""
    items: NDArray[Any]
    metadata: dict[str, Any]
    """The same of all workers but for ``collectives``, its own seconds and bytes."""
    test: dict[str, NDArray[Any]]
    """Of the first worker: ``users`` and the metrics of the test part, per user."""


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
    measuring = Measuring(group, edges, _blocks(job.source, group))
    method, trial = _chosen(job), _Trials(group, ahead, job, measuring, edges)
    trainer = trial.trainer(method, stop, slow)
    trainer.reporter = reporter or Silent()
    if job.checkpoint is not None:
        trainer.checkpoint = ShardedCheckpoint(job.checkpoint, group, job.identity, trial.edges)
    trainer.run(resume=job.resume)
    return _found(job, method, trainer, measuring)


def _chosen(job: Job) -> TrainedMethod:
    """The method, with the learning rate that its rule gives, if it has one."""
    if isinstance(job.method, SearchedMethod):
        return job.method.following(job.source.sizes)
    return job.method


def _blocks(source: Source, group: Group) -> dict[str, UserBlock]:
    """This worker's users of each part."""
    first, last = bounds(source.sizes.users, group.size)[group.rank : group.rank + 2]
    return {part: source.block(part, int(first), int(last)) for part in source.parts}


@dataclass(frozen=True, eq=False)
class _Trials:
    """Makes trainers of this worker, from settings."""

    group: Group
    ahead: Group
    job: Job
    measuring: Measuring
    item_edges: NDArray[np.int64]

    @property
    def edges(self) -> dict[str, NDArray[np.int64]]:
        """Where each worker's rows of each table begin and end."""
        users = bounds(self.job.source.sizes.users, self.group.size)
        return {"user_table": users, "item_table": self.item_edges}

    def trainer(
        self, method: TrainedMethod, stop: Callable[[], bool], slow: Callable[[str], None]
    ) -> ShardTrainer:
        """With parameters at their initial values."""
        tables = initial_blocks(method, self.job.source.sizes, self.edges, self.group.rank)
        users, items = (
            table.to(self.group.device, torch.float64 if self.job.double else torch.float32)
            for table in tables
        )
        encoder = ShardedMF(users, items, self.group)
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
        team = Team(self.group, self.item_edges, whole, stop, slow)
        cosine = method.cosine
        there = "validation" in self.measuring.blocks
        return ShardTrainer(
            encoder,
            sampler,
            sharded_step(method, encoder, self.job.balancing, self.group.device),
            method,
            team,
            validate=self.measuring.validator(encoder.tables, cosine=cosine) if there else None,
            probe=lambda: {"effective_rank": self.measuring.effective_rank(encoder.tables())},
        )


def initial_blocks(
    method: TrainedMethod, sizes: Sizes, edges: Mapping[str, NDArray[np.int64]], rank: int
) -> tuple[Tensor, Tensor]:
    """Rows of a worker, as `fullrank.methods.encoding.initial_tables` draws them.

    Every worker draws all rows, a block at a time, and keeps its own: the numbers are the same
    whatever the number of workers.
    """
    generator = torch.Generator().manual_seed(method.seed)
    counted = {"side": None, "joint": sizes.users + sizes.items}[method.init]
    step = max(DRAWN // method.dim, 1)
    kept: list[Tensor] = []
    for n, ends in ((sizes.users, edges["user_table"]), (sizes.items, edges["item_table"])):
        own, (first, last) = [], ends[rank : rank + 2].tolist()
        for start in range(0, n, step):
            rows = min(step, n - start)
            drawn = uniform_table(rows, method.dim, generator, method.init_dim, counted or n)
            own.append(drawn[max(first - start, 0) : max(last - start, 0)].clone())
        kept.append(torch.cat(own) if own else torch.zeros(0, method.dim))
    return kept[0], kept[1]


def _found(
    job: Job, method: TrainedMethod, trainer: ShardTrainer, measuring: Measuring
) -> Found:
    group, tables = measuring.group, trainer.encoder.tables()
    progress, sizes = trainer.progress, job.source.sizes
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
        "parameters": (sizes.users + sizes.items) * method.dim,
        "history": progress.history,
    }
    if isinstance(method, SearchedMethod):
        metadata["chosen"] = method.found({})
    test: dict[str, NDArray[Any]] = {}
    if job.cutoffs and "test" in job.source.parts:
        how = {"cosine": method.cosine}
        rows, values = measuring.per_user(tables, "test", job.cutoffs, job.metrics, **how)
        test = {"users": rows, **values} if group.rank == 0 else {}
    metadata["collectives"] = group.costs()
    users, items = (table.detach().cpu().numpy() for table in tables)
    return Found(users, items, metadata, test)


__all__ = ["Found", "InMemory", "Job", "Record", "Source", "initial_blocks", "work"]
