"""What several workers cost and give: published accuracy, effective rank and time, by workers.

    python benchmarks/workers.py --data gowalla --epochs 10 --out results/scale.json
    python benchmarks/workers.py --data gowalla --preset fast --out results/scale.json

One process by the compiled kernels, two workers that balance against the whole batch, and two that
balance each on its own. The settings are given, and the learning rate follows its rule, so that
nothing is searched; the figures are of the test part, at the best epoch by validation. With a
preset all of train is trained on, for as many epochs as it has, by one process and by two workers
that balance globally.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import fullrank as fr
from fullrank.data import Split
from fullrank.presets import preset_named
from fullrank.scale import fit

SETTINGS: dict[str, dict[str, Any]] = {
    "directspec+": {"alpha": 0.7, "tau": 4.0},
    "bpr": {"lr": 20.0},
}
ON_GRAPH: dict[str, Any] = {"encoder": "lightgcn", "propagation": "factored", "rank": 256}
RUNS = ((1, "global"), (2, "global"), (2, "local"))


def measured(split: Split, method: str, values: dict[str, Any], workers: int, how: str) -> dict:
    """One fit: figures of the test part, and where the time went."""
    named = " ".join([method, *(["factored"] if "propagation" in values else [])])
    model = fr.Recommender(method, threads=1, device="cpu", **values)
    began = time.perf_counter()
    if workers == 1:
        model.fit(split)
    else:
        fit(model, split, workers=workers, balancing=how)
    whole, training = time.perf_counter() - began, model.training
    found = model.evaluate(k=20, metrics=("recall", "ndcg"))
    costs = training.get("collectives", [{}])[0]
    return {
        "method": named,
        "workers": workers,
        "balancing": how,
        "engine": training["engine"]["name"],
        "epochs": training["epochs"],
        "best_epoch": training["best_epoch"],
        "recall@20": found["recall@20"],
        "ndcg@20": found["ndcg@20"],
        "interval": list(found.intervals["ndcg@20"]),
        "effective_rank": training["effective_rank"],
        "seconds": training["seconds"],
        "seconds_whole": whole,
        "collectives": {name: each["seconds"] for name, each in costs.items()},
        "megabytes": sum(each["sent"] for each in costs.values()) / 1e6,
        "load": os.getloadavg()[0],
    }


def main() -> None:
    """Runs each and writes what it gave, one after another."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="gowalla")
    parser.add_argument("--method", default="directspec+", choices=sorted(SETTINGS))
    parser.add_argument("--preset")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--factored", action="store_true", help="On LightGCN's factored form.")
    parser.add_argument("--lr", type=float, help="By its rule, if absent.")
    parser.add_argument("--out", type=Path, default=Path("results/scale.json"))
    given = parser.parse_args()
    values = {"epochs": given.epochs, "batch_size": given.batch, "dim": given.dim}
    values |= {"validate_every": 2} | SETTINGS[given.method]
    values |= {} if given.lr is None else {"lr": given.lr}
    values |= ON_GRAPH if given.factored else {}
    if given.preset:
        values = dict(preset_named(given.preset, given.method, given.data))
    split = fr.load(given.data, validation=0.0 if given.preset else 0.1)
    kind = given.preset or ("factored" if given.factored else None)
    name = " ".join(filter(None, (given.data, given.method, kind)))
    runs = []
    for workers, how in RUNS[:2] if given.preset else RUNS:
        runs.append(measured(split, given.method, values, workers, how))
        known = json.loads(given.out.read_text()) if given.out.exists() else {}
        known[name] = {
            "data": given.data,
            "preset": given.preset,
            "interactions": len(split.train),
            "settings": values,
            "cores": os.cpu_count(),
            "runs": runs,
        }
        given.out.write_text(json.dumps(known, indent=2) + "\n")


if __name__ == "__main__":
    main()
