"""What workers do with factored LightGCN in tests; functions that a spawned process can import."""

from __future__ import annotations

from fullrank.methods import build_method
from fullrank.scale.job import Job, work
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
