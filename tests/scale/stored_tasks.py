"""What workers do in tests with any source; functions that a spawned process can import."""

from __future__ import annotations

from tasks import BASE, Counting

from fullrank.errors import Stopped
from fullrank.methods import build_method
from fullrank.scale.blocks import bounds
from fullrank.scale.evaluating import piece_of
from fullrank.scale.job import Job, work
from fullrank.scale.measuring import Measuring

METHODS = {
    "bpr": {"lr": 2.0, "weight_decay": 0.01},
    "directspec+": {"lr": 1.0, "alpha": 0.7, "tau": 4.0},
}


def trained(group, ahead, source):
    """Rows of own users and items, and the log of each method."""
    made = []
    for name, values in METHODS.items():
        method = build_method(name, {**BASE, **values, "epochs": 2, "validate_every": 1})
        found = work(group, ahead, Job(method, source, cutoffs=(5,)))
        checks = [each["validation_ndcg@20"] for each in found.metadata["history"]]
        made.append((found.users, found.items, checks, found.test))
    return made


def stopped_or_whole(group, ahead, source, folder, until, resume, identity):
    """A run of four epochs that keeps its state; it stops after some, or goes on to the end."""
    how = {"epochs": 4, "checkpoint_every": 1, "lr": 0.01, "optimizer": "adam"}
    method, epochs = build_method("bpr", {**BASE, **how}), Counting()
    kept = {"checkpoint": folder, "identity": identity, "resume": resume}
    try:
        found = work(
            group, ahead, Job(method, source, **kept), epochs, stop=lambda: epochs.done == until
        )
    except Stopped:
        return None
    return found.users, epochs.done


def pieces(group, ahead, source, tables, k):
    """What this worker finds of the test part, by its blocks of the tables."""
    del ahead
    ends = [bounds(len(table), group.size)[group.rank :][:2] for table in tables]
    measuring = Measuring(group, bounds(len(tables[1]), group.size), source)
    own = tuple(table[slice(*end)] for table, end in zip(tables, ends, strict=True))
    return piece_of(measuring, own, k)
