"""How sure a trial of `auto` has to be better before it takes the place of another.

    python experiments/noise.py [DATA ...] --out results/noise.json

The closed forms of `auto` are searched by half of the validation part's users, with several
standard errors of the mean gain that settings and powers of popularity need, and are evaluated on
the other half. The test part is not looked at. What the file has already is passed over.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path

import numpy as np
import torch
from defaults import load

from fullrank.data import Interactions
from fullrank.evaluation import evaluate
from fullrank.portfolio import board
from fullrank.portfolio.auto import Auto
from fullrank.portfolio.contest import Contest
from fullrank.portfolio.entries import ENTRIES
from fullrank.serving.model_files import versions

DATA = ("dense", "sparse", "drifting", "ml-100k")
SEEDS, SURE = (0, 1), (0.0, 1.0, 1.645)
LEFT_OUT = ("directspec+", "ease", "popularity", "rp3beta")
BUDGET = 400.0


def searched(
    train: Interactions, by: Interactions, others: Interactions, sure: float
) -> dict[str, object]:
    """Of each method what it was chosen by, and what it is worth to others."""
    board.gain.__defaults__ = (sure,)
    contest = Contest(
        Auto(budget=BUDGET, seed=0),
        {"train": train, "validation": by},
        "cpu",
        entries=[entry for entry in ENTRIES if entry.method not in LEFT_OUT],
        clock=time.process_time,
    )
    methods = {}
    for line in board.ranked(contest.run()):
        if line.best is not None:
            found = evaluate(line.best.fitted[0], others, train=train, k=20, metrics=("ndcg",))
            methods[line.method] = {
                "chosen_by": line.best.value,
                "others": found["ndcg@20"],
                "trials": len(line.trials),
                "settings": line.settings,
            }
    seconds = contest.clock() - contest.began
    return {"won": next(iter(methods)), "methods": methods, "seconds": round(seconds, 1)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", nargs="*", default=DATA)
    parser.add_argument("--out", type=Path, default=Path("results/noise.json"))
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    made = json.loads(arguments.out.read_text()) if arguments.out.is_file() else {}
    for data in arguments.data:
        for seed in SEEDS:
            split = load(data, seed)
            part = split.validation
            users = np.random.default_rng(7).permutation(np.flatnonzero(part.user_degree))
            halves = [part.select(np.isin(part.user_idx, users[each::2])) for each in (0, 1)]
            for each, sure in ((each, sure) for each in (0, 1) for sure in SURE):
                rows = made.setdefault(data, {}).setdefault(f"seed {seed}, half {each}", {})
                if str(sure) not in rows:
                    row = searched(split.train, halves[each], halves[1 - each], sure)
                    rows[str(sure)] = row | {"versions": versions()}
                    arguments.out.write_text(json.dumps(made, indent=1) + "\n")
                    print(data, seed, each, sure, row["won"], row["seconds"], flush=True)


if __name__ == "__main__":
    main()
