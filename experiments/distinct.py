"""DirectSpec+ with each row of a batch balanced once, beside each occurrence balanced.

    FULLRANK_DATA=../shared/data python experiments/distinct.py ml-100k
    FULLRANK_DATA=../shared/data python experiments/distinct.py cost

A data set's name runs its cases, both ways in turn, on validation parts of a tenth of train, and
never looks at the test part. ``cost`` times an epoch on CiteULike by the processor's clock, both
ways in turn. Everything goes to ``results/distinct.json``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import fullrank as fr
from fullrank.training import Silent
from fullrank.training.checkpoint import Record

WAYS = {"each occurrence": False, "distinct": True}
SHUFFLED = {"systematic": True, "validate_every": 5, "patience": 100}
PUBLISHED = {"lr": 180.0, "shrink": 0.03}
CASES: dict[str, dict[str, Any]] = {
    "ml-100k": {
        "settings": [
            {"tau": tau, "alpha": alpha, "epochs": 40} | SHUFFLED
            for tau, alpha in ((3.0, 0.8), (3.0, 0.6), (3.0, 0.5), (6.0, 0.8))
        ],
        "seeds": (0, 1, 2, 3),
    },
    "citeulike": {
        "settings": [{"alpha": alpha, "epochs": 60} | PUBLISHED | SHUFFLED for alpha in (1.0, 0.8)],
        "seeds": (0, 1),
    },
    "yelp-sparse": {
        "settings": [{"alpha": alpha, "epochs": 40} | SHUFFLED for alpha in (0.8, 0.6)],
        "seeds": (0,),
    },
    "gowalla": {
        "settings": [
            {"alpha": 0.7, "tau": 4.0, "shrink": 0.02, "lr": 400.0, "epochs": 20} | SHUFFLED
        ],
        "seeds": (0,),
    },
}
"""Seeds divide train and validation, and draw rows and pairs."""


def fit(data: str, seed: int, settings: dict[str, Any]) -> dict[str, Any]:
    """The metadata of one run on one thread."""
    split = fr.load(data, validation=0.1, seed=seed)
    return fr.Recommender("directspec+", threads=1, seed=seed, **settings).fit(split).training


def compared(data: str, settings: dict[str, Any], seed: int) -> dict[str, Any]:
    """Both ways with the same settings and seed."""
    row: dict[str, Any] = {"settings": settings, "seed": seed}
    for name, distinct in WAYS.items():
        training = fit(data, seed, settings | {"distinct": distinct})
        best = next(each for each in training["history"] if each["epoch"] == training["best_epoch"])
        row[name] = {
            "validation_ndcg@20": round(training["validation_ndcg@20"], 5),
            "best_epoch": training["best_epoch"],
            "effective_rank": round(best["effective_rank"], 1),
            "curve": {
                each["epoch"]: round(each["validation_ndcg@20"], 5)
                for each in training["history"]
                if "validation_ndcg@20" in each
            },
        }
    return row


class Clock(Silent):
    """Seconds of the processor that each epoch takes, so that other work beside it counts less."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def start(self, epochs: int, steps: int, history: Sequence[Record]) -> None:  # noqa: ARG002
        """Starts the first epoch."""
        self._began = time.process_time()

    def epoch(self, record: Record) -> None:  # noqa: ARG002
        """Ends one."""
        now = time.process_time()
        self.seconds.append(now - self._began)
        self._began = now


def cost(rounds: int = 7) -> dict[str, Any]:
    """Seconds of an epoch on CiteULike on one thread: the published settings, in turn."""
    seconds: dict[str, list[float]] = {name: [] for name in WAYS}
    data = fr.load("citeulike").train
    for _ in range(rounds):
        for name, distinct in WAYS.items():
            settings = {"alpha": 1.0, "epochs": 2, "distinct": distinct} | PUBLISHED
            clock = Clock()
            model = fr.Recommender("directspec+", threads=1, seed=0, **settings)
            model.fit(data, reporter=clock)
            seconds[name] += clock.seconds
    return {
        name: {"least": round(min(each), 3), "median": round(statistics.median(each), 3)}
        for name, each in seconds.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("part", choices=(*CASES, "cost"))
    parser.add_argument("--out", type=Path, default=Path("results/distinct.json"))
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")

    def store(found: Any) -> None:
        document = json.loads(arguments.out.read_text()) if arguments.out.is_file() else {}
        arguments.out.write_text(json.dumps(document | {arguments.part: found}, indent=1) + "\n")

    if arguments.part == "cost":
        store(cost())
        return
    rows = []
    for seed in CASES[arguments.part]["seeds"]:
        for settings in CASES[arguments.part]["settings"]:
            rows.append(compared(arguments.part, settings, seed))
            print({name: rows[-1][name] for name in WAYS}, settings, seed, flush=True)
            store(rows)


if __name__ == "__main__":
    main()
