"""What workers do in tests; functions that a spawned process can import."""

from __future__ import annotations

import time

import numpy as np
import torch

from fullrank.errors import Stopped
from fullrank.methods import build_method
from fullrank.scale.blocks import bounds
from fullrank.scale.gathering import gathered, summed_over
from fullrank.scale.job import Job, work
from fullrank.scale.measuring import Measuring
from fullrank.scale.sources import InMemory
from fullrank.scale.tables import ShardedMF
from fullrank.scale.validating import ShardValidator
from fullrank.training import Silent

NAMES = {2: "two", 3: "three"}
BASE = {"epochs": 1, "batch_size": 128, "dim": 8, "seed": 3}
SETTINGS = [
    ("bpr", {"lr": 2.0, "weight_decay": 0.01}, "global"),
    ("bpr", {"lr": 0.05, "optimizer": "adagrad", "sampler": "users", "negatives": 3}, "global"),
    ("bce", {"lr": 0.01, "optimizer": "adam", "damping": 0.5, "negatives": 2}, "global"),
    ("bce", {"lr": 0.01, "optimizer": "dense-adam", "lr_decay": 0.9, "epochs": 2}, "global"),
    ("ccl", {"negatives": 6, "shared_negatives": True}, "global"),
    ("softmax", {"negatives": 6, "weight_decay": 0.01}, "global"),
    ("euclidean", {}, "global"),
    ("euclidean-positive", {"init": "joint"}, "global"),
    ("log-positive", {"init_dim": 32}, "global"),
    ("directspec", {"lr": 1.0, "alpha": 0.01, "shrink": 0.02}, "global"),
    ("directspec", {"lr": 1.0, "alpha": 0.01, "distinct": False}, "global"),
    ("directspec+", {"lr": 1.0, "alpha": 0.7, "tau": 4.0, "weight_decay": 0.01}, "global"),
    ("directspec+", {"lr": 0.05, "alpha": 0.7, "tau": 4.0, "distinct": False,
                     "optimizer": "adagrad", "shrink": 0.02}, "global"),
    ("directspec+", {"lr": 1.0, "alpha": 0.7, "tau": 4.0, "item_power": 0.5}, "global"),
    ("directspec+", {"lr": 1.0, "alpha": 0.7, "tau": 4.0}, "local"),
]  # fmt: skip
SETTINGS = [(name, {**BASE, **values}, how) for name, values, how in SETTINGS]


def train_all(group, ahead, split, double):
    """The tables of every setting, this worker's blocks of them."""
    made = []
    for name, values, balancing in SETTINGS:
        source = InMemory.of({"train": split.train})
        job = Job(build_method(name, values), source, balancing, double=double)
        found = work(group, ahead, job)
        made.append((found.users, found.items))
    return made


def gradients(group, ahead, rows, counts, fault):
    """Gradients of own rows of a loss of all rows with all rows, with one of three faults."""
    del ahead
    first = sum(counts[: group.rank])
    own = rows[first : first + counts[group.rank]].clone().requires_grad_()
    if fault == "none":
        every = group.gather(own.detach(), counts)
    elif fault:
        every = _Faulty.apply(own, counts, group, fault)
    else:
        every = gathered(own, counts, group)
    loss = (own @ every.T).exp().sum(dim=1).log().sum()
    (grad,) = torch.autograd.grad(loss, own)
    return grad.numpy()


class _Faulty(torch.autograd.Function):
    @staticmethod
    def forward(ctx, rows, counts, group, fault):
        ctx.how = counts, group, fault
        return group.gather(rows, counts)

    @staticmethod
    def backward(ctx, grad):
        counts, group, fault = ctx.how
        if fault == "mean":
            return group.scatter_sum(grad, counts) / group.size, None, None, None
        return torch.split(grad, counts)[group.rank], None, None, None


def gradient_of_sum(group, ahead):
    """Of a loss that has a sum over workers in it; each has a weight of its own."""
    del ahead
    value = torch.tensor([2.0 + group.rank]).requires_grad_()
    loss = (1.0 + group.rank) * summed_over(value, group).square().sum()
    return torch.autograd.grad(loss, value)[0].tolist()


def checkpointed(group, ahead, split, folder, method, until, resume):
    """A run that keeps its state after each epoch, perhaps stopped after some."""
    name, values = method
    made = build_method(name, {**values, "checkpoint_every": 1, "validate_every": 1})
    source = InMemory.of({"train": split.train, "validation": split.validation})
    identity = {"method": name, **values}
    job = Job(made, source, checkpoint=folder, resume=resume, identity=identity)
    epochs = Counting()
    try:
        found = work(group, ahead, job, epochs, stop=lambda: epochs.done == until)
    except Stopped:
        return {"users": np.empty(0), "items": np.empty(0), "history": []}
    assert until is None
    return {"users": found.users, "items": found.items, "history": found.metadata["history"]}


class Counting(Silent):
    """Counts epochs, and rungs of trials."""

    done = 0

    def epoch(self, record):
        self.done += 1

    def trial(self, record):
        self.done += 1


def measured(group, ahead, split, tables, part, k, metrics):
    """Per-user values of a part, and effective ranks, by this worker's blocks of the tables."""
    del ahead
    source = InMemory.of(split.parts)
    user_edges, item_edges = (bounds(len(table), group.size) for table in tables)
    own = slice(*user_edges[group.rank : group.rank + 2])
    measuring = Measuring(group, item_edges, source)
    held = tables[0][own], tables[1][slice(*item_edges[group.rank : group.rank + 2])]
    users, values = measuring.per_user(held, part, k, metrics)
    ranks = measuring.effective_rank(held, every=True), measuring.effective_rank(held)
    return users, values, *ranks


def climbed(group, ahead, split, tables, method, sample):
    """The powers that some checks in turn find, and their metric, by a sample of the users."""
    from fullrank.methods import validating

    del ahead
    user_edges, item_edges = (bounds(len(table), group.size) for table in tables)
    measuring = Measuring(group, item_edges, InMemory.of(split.parts))
    edges = user_edges, item_edges
    own = [
        table[slice(*e[group.rank : group.rank + 2])]
        for table, e in zip(tables, edges, strict=True)
    ]
    before, validating.SAMPLE = validating.SAMPLE, sample
    try:
        validator = ShardValidator(measuring, method, ShardedMF(*own, group))
        return [(validator.climb(), validator()) for _ in range(3)]
    finally:
        validating.SAMPLE = before


def train_some(group, ahead, split, number, balancing):
    """Rows of own users after one setting, and what the collectives have cost."""
    name, values, _ = SETTINGS[number]
    group.meters.clear()
    job = Job(build_method(name, values), InMemory.of({"train": split.train}), balancing)
    found = work(group, ahead, job)
    return found.users, found.metadata["collectives"]


def slowed(group, ahead, split):
    """What is said of stragglers where the second worker sleeps in each step."""
    from fullrank.scale import loop, tables

    short, begin, said = loop.SHORT, tables.ShardedMF.begin, []

    def late(encoder, part):
        time.sleep(0.02)
        return begin(encoder, part)

    loop.SHORT = 0.015
    if group.rank:
        tables.ShardedMF.begin = late
    try:
        name, values, balancing = SETTINGS[0]
        job = Job(build_method(name, values), InMemory.of({"train": split.train}), balancing)
        work(group, ahead, job, slow=said.append)
    finally:
        loop.SHORT, tables.ShardedMF.begin = short, begin
    return said
