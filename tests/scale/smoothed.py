"""What workers do with factored LightGCN in tests; functions that a spawned process can import."""

from __future__ import annotations

import numpy as np
import torch

from fullrank.methods import build_method
from fullrank.scale.blocks import bounds
from fullrank.scale.job import Job, work
from fullrank.scale.neighbours import OwnGraph, propagate_over
from fullrank.scale.sources import InMemory

BASE = {"epochs": 1, "batch_size": 128, "dim": 8, "seed": 3, "rank": 20}
BASE |= {"encoder": "lightgcn", "propagation": "factored", "optimizer": "sgd", "weight_decay": 0.0}
SETTINGS = [
    ("bpr", {"lr": 100.0}, "global"),
    (
        "lightgcn",
        {"lr": 30.0, "sampler": "users", "negatives": 3, "layers": 1, "epochs": 2},
        "global",
    ),
    ("ccl", {"lr": 0.1, "negatives": 6, "shared_negatives": True, "layers": 2}, "global"),
    ("log-positive", {"lr": 20.0, "init": "joint", "average_layers": False}, "global"),
    ("directspec", {"lr": 20.0, "alpha": 0.01, "distinct": False}, "global"),
    ("directspec+", {"lr": 20.0, "alpha": 0.7, "tau": 4.0, "average_layers": False}, "global"),
    ("directspec+", {"lr": 20.0, "alpha": 0.7, "tau": 4.0}, "local"),
]
SETTINGS = [(name, {**BASE, **values}, how) for name, values, how in SETTINGS]


def train_all(group, ahead, split, double):
    """The tables of every setting, this worker's blocks of them."""
    return [train(group, ahead, split, setting, double) for setting in SETTINGS]


def train(group, ahead, split, setting, double):
    name, values, balancing = setting
    source = InMemory.of({"train": split.train})
    job = Job(build_method(name, values), source, balancing, double=double)
    found = work(group, ahead, job)
    return found.users, found.items


def on_graph(group, ahead, data, tables, ids, grads, layers):
    """Own rows of ``Â G`` for some G of few rows, and of the sum over hops of whole tables."""
    del ahead
    user_edges, item_edges = bounds(data.n_users, group.size), bounds(data.n_items, group.size)
    own = [slice(*edges[group.rank : group.rank + 2]) for edges in (user_edges, item_edges)]
    degree = np.bincount(data.item_idx, minlength=data.n_items)
    block = InMemory.of({"train": data}).block("train", own[0].start, own[0].stop)
    graph = OwnGraph.of(block, degree, item_edges, group)
    hopped = []
    for side, neighbours in enumerate((graph.users, graph.items)):
        rows, found = neighbours.spread(ids[1 - side], grads[1 - side])
        assert len(np.unique(rows)) == len(rows)
        like = torch.zeros(own[side].stop - own[side].start, found.shape[1], dtype=found.dtype)
        hopped.append(like.index_copy(0, rows, found))
    mine = tables[0][own[0]], tables[1][own[1]]
    return hopped, propagate_over(graph, mine, layers, item_edges, group)
