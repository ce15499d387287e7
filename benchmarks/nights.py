"""What a night that begins with yesterday's rows costs and loses, beside a fit from nothing.

    FULLRANK_DATA=../shared/data python benchmarks/nights.py [--nights 7] [--out FILE]

Interactions in the order of time, of ml-100k and of generated data whose tastes drift: night n has
the first 65 % + 5 % n of them; what is measured is the next 5 %, for users whom the night's data
know, on one thread. ``from nothing`` has all epochs from random rows, ``cold`` a quarter of them,
``begun`` a quarter of them from the rows of the night before, new ids folded in; ``old`` is the
first night's model, never fitted again. Writes ``results/nights.json``.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import fullrank as fr
from fullrank.data.interactions import Interactions

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "experiments"))
from defaults import drifting

FIRST, STEP = 0.65, 0.05
METHODS: dict[str, dict[str, Any]] = {
    "bpr": {"epochs": 16, "lr": 30.0, "batch_size": 256},
    "directspec+": {"epochs": 24, "alpha": 0.6, "tau": 4.0, "lr": 30.0},
}
SHARE = 0.25


def read(name: str) -> Interactions:
    """All interactions of a data set, with their times."""
    if name == "drifting":
        return drifting(2_000, 1_500, 60_000, 0)
    split = fr.load(name, validation=0.0)
    return Interactions.from_frame(pl.concat([part.to_frame() for part in split.parts.values()]))


def parts(whole: Interactions, night: int) -> tuple[Interactions, Interactions]:
    """What a night knows, and what comes next."""
    order = np.argsort(whole.timestamp, kind="stable")
    until = int(len(whole) * (FIRST + STEP * night))
    after = int(len(whole) * (FIRST + STEP * (night + 1)))
    return whole.select(np.sort(order[:until])), whole.select(np.sort(order[until:after]))


def fitted(
    method: str, settings: dict[str, Any], known: Interactions, start: fr.Recommender | None = None
) -> tuple[fr.Recommender, float]:
    """A model of all that is known, and the seconds of its training."""
    model = fr.Recommender(method, threads=1, **settings)
    began = time.perf_counter()
    model.fit(known.compact(), start_from=start)
    return model, time.perf_counter() - began


def night(
    method: str, settings: dict[str, Any], whole: Interactions, number: int,
    before: dict[str, fr.Recommender],
) -> tuple[dict[str, Any], dict[str, fr.Recommender]]:  # fmt: skip
    """ndcg@20 on what came next, and seconds, of each way."""
    known, after = parts(whole, number)
    few = settings | {"epochs": max(1, round(settings["epochs"] * SHARE))}
    models = {"from nothing": fitted(method, settings, known), "cold": fitted(method, few, known)}
    if "begun" in before:
        models["begun"] = fitted(method, few, known, before["begun"])
        models["old"] = before["old"], 0.0
    row: dict[str, Any] = {"night": number, "known": len(known), "next": len(after)}
    for name, (model, seconds) in models.items():
        found = model.evaluate(after, k=20, metrics=("ndcg",))
        row[name] = {"ndcg@20": found["ndcg@20"], "seconds": round(seconds, 2),
                     "users": len(found.users),
                     "pairs_of_unknown": found.protocol["unknown_pairs_left_out"]}  # fmt: skip
    whole_fit = models["from nothing"][0]
    begun = models["begun"][0] if "begun" in models else whole_fit
    return row, {"begun": begun, "old": before.get("old", whole_fit)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", nargs="*", default=["drifting", "ml-100k"])
    parser.add_argument("--nights", type=int, default=7)
    parser.add_argument("--out", type=Path, default=Path("results/nights.json"))
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    document: dict[str, Any] = {"share_of_epochs": SHARE, "methods": METHODS, "nights": {}}
    for name in arguments.data:
        whole = read(name)
        for method, settings in METHODS.items():
            rows: list[dict[str, Any]] = []
            before: dict[str, fr.Recommender] = {}
            for number in range(arguments.nights):
                row, before = night(method, settings, whole, number, before)
                rows.append(row)
                print(name, method, json.dumps(row), flush=True)
            document["nights"].setdefault(name, {})[method] = rows
            arguments.out.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
