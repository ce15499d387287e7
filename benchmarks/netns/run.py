"""Throughput of 1, 2 and 4 workers on small machines, and what a model says of more.

    python benchmarks/netns/run.py --out results/scale_network.json     # as root, on Linux

Each machine is a network namespace with one thread; frames go through a switch of 1 Gbit/s and 1 ms
(relay.c: not every kernel has tc's netem). The machines share the cores of this one, and how much
slower they compute for it is measured, too. The model is fitted to such microbenchmarks, and its
errors are those of the training that follows.
"""

from __future__ import annotations

import argparse
import json
import os
import random
from pathlib import Path
from typing import Any

import numpy as np
from machines import address, machines, start
from model import compute, compute_of, network, network_of
from worker import BATCH, DIM, ITEMS, PAIRS, USERS

HERE = Path(__file__).parent


def measured(size: int, repeats: int) -> dict[str, Any]:
    """What the first of so many workers says, with the slowest one's seconds."""
    where = f"tcp://{address(0)}:{random.randint(20_000, 60_000)}"
    options = ["--size", str(size), "--where", where, "--repeats", str(repeats)]
    program = str(HERE / "worker.py")
    processes = [start(rank, program, "--rank", str(rank), *options) for rank in range(size)]
    answers = [process.communicate(timeout=1800)[0] for process in processes]
    if any(process.returncode for process in processes):
        raise SystemExit("a worker has failed")
    found: dict[str, Any] = json.loads(answers[0].splitlines()[-1])
    return found


def main() -> None:
    """Measures, fits, predicts and writes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--bits", type=float, default=1e9)
    parser.add_argument("--delay", type=float, default=1e-3)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--out", type=Path, default=Path("results/scale_network.json"))
    given = parser.parse_args()
    load = os.getloadavg()[0]
    with machines(max(given.workers), given.bits, given.delay):
        found = {size: measured(size, given.repeats) for size in given.workers}
    of_compute = compute_of(found[1]["alone"])
    many = {size: each["collectives"] for size, each in found.items() if size > 1}
    of_network = network_of(many)
    rows = []
    for size, each in found.items():
        costs = each["train"]["collectives"]
        parts = network(of_network, costs, size) if size > 1 else {}
        own = BATCH / size
        crowd = 1.0
        if size > 1:
            crowd = float(np.mean(each["together"]["seconds"])) / compute(of_compute, own, own)
        predicted = compute(of_compute, own, BATCH) * crowd + sum(parts.values())
        seconds = each["train"]["seconds"]
        rows.append(
            {
                "workers": size,
                "pairs_per_second": BATCH / seconds,
                "seconds_a_step": seconds,
                "slower_together": crowd,
                "predicted": predicted,
                "error": predicted / seconds - 1,
                "shares": {kind: cost["seconds"] / seconds for kind, cost in costs.items()},
                "sent_a_step": {kind: cost["sent"] for kind, cost in costs.items()},
            }
        )
    document = {
        "bits": given.bits,
        "delay": given.delay,
        "cores": os.cpu_count(),
        "load_before": load,
        "batch": BATCH,
        "dim": DIM,
        "data": [USERS, ITEMS, PAIRS],
        "compute": of_compute,
        "network": of_network,
        "runs": rows,
        "microbenchmarks": many,
    }
    given.out.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
