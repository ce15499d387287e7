"""What one machine of the benchmark does: microbenchmarks of collectives, then training."""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any

import torch

from fullrank.data import generate
from fullrank.methods import build_method
from fullrank.scale.group import Group, joined, left
from fullrank.scale.job import Job, work
from fullrank.scale.sources import InMemory

USERS, ITEMS, PAIRS = 6000, 3000, 150_000
DIM, BATCH = 64, 1024
METHOD: dict[str, Any] = {"alpha": 0.7, "tau": 4.0, "lr": 5.0, "dim": DIM, "epochs": 1}
EPOCHS = 3
"""Of each training, one after another, each from the beginning."""
STEPS = 150
"""Of one worker without others."""
SIZES = (2**8, 2**12, 2**15, 2**17)
"""Float32 numbers that a worker has, in a microbenchmark of a collective."""


def collectives(group: Group, repeats: int) -> list[dict[str, Any]]:
    """Seconds of each collective by size, the median of some."""
    found = []
    size = group.size
    for numbers in SIZES:
        rows = torch.ones(numbers // DIM, DIM)
        even = [len(rows)] * size
        share = [len(rows) // size] * size
        share[-1] += len(rows) - sum(share)
        square = [len(rows) // size] * size
        calls = {
            "all_to_all": lambda rows=rows, s=square: group.all_to_all(rows[: sum(s)], s, s),
            "all_gather": lambda rows=rows, s=even: group.gather(rows, s),
            "reduce_scatter": lambda rows=rows, s=even, n=size: group.scatter_sum(
                rows.repeat(n, 1), s
            ),
            "all_reduce": lambda rows=rows: group.all_reduce(rows),
        }
        for kind, call in calls.items():
            call()
            before, seconds = group.meters[kind].sent, []
            for _ in range(repeats):
                began = time.perf_counter()
                call()
                seconds.append(time.perf_counter() - began)
            sent = (group.meters[kind].sent - before) / repeats
            found.append({"kind": kind, "sent": sent, "seconds": sorted(seconds)[repeats // 2]})
    group.meters.clear()
    return found


def train(group: Group, ahead: Group, batch: int, pairs: int) -> dict[str, Any]:
    """Seconds a step, and in each collective a step, of an epoch of DirectSpec+: median of some."""
    data = generate(USERS, ITEMS, pairs, seed=1)
    job = Job(
        build_method("directspec+", {**METHOD, "batch_size": batch}), InMemory.of({"train": data})
    )
    steps, runs = len(data) // batch, []
    for _ in range(EPOCHS):
        group.meters.clear()
        metadata = work(group, ahead, job).metadata
        costs = {
            kind: {key: each[key] / steps for key in ("calls", "seconds", "sent")}
            for kind, each in metadata["collectives"].items()
        }
        runs.append({"batch": batch, "seconds": metadata["seconds"] / steps, "collectives": costs})
    return sorted(runs, key=lambda run: run["seconds"])[EPOCHS // 2]


def together(group: Group, batch: int) -> dict[str, Any]:
    """Seconds a step of each worker while all of them train, each for itself, without a message."""
    group.all_reduce(torch.ones(1))  # all begin at once
    own = train(Group(), Group(), batch, STEPS * batch)["seconds"]
    each = [row[0] for row in group.of_each(own).tolist()]
    group.meters.clear()
    return {"batch": batch, "seconds": each}


def main() -> None:
    """Prints what was measured, as JSON."""
    parser = argparse.ArgumentParser()
    for option in ("rank", "size"):
        parser.add_argument(f"--{option}", type=int, required=True)
    parser.add_argument("--where", default="")
    parser.add_argument("--repeats", type=int, default=15)
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.size == 1:
        # Of as many products b B as 4 and 1 workers have; fewer fit into the caches and take less.
        batches = (512, 640, 768, 1024)
        found: dict[str, Any] = {
            "alone": [train(Group(), Group(), each, STEPS * each) for each in batches],
            "train": train(Group(), Group(), BATCH, PAIRS),
        }
    else:
        group, ahead = joined(given.where, given.rank, given.size)
        found = {"collectives": collectives(group, given.repeats)}
        found["together"] = together(group, BATCH // given.size)
        found["train"] = train(group, ahead, BATCH, PAIRS)
        left()
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
