"""Figures 2 and 8 (a): how the effective rank moves while each method trains.

    FULLRANK_DATA=../shared/data python experiments/collapse.py --out results/collapse.json

Raw rows, B = 256, pairs drawn over interactions, learning rate 13, on yelp-sparse: the paper's Yelp
users and items with a fifth of the interactions to train on.
"""

from __future__ import annotations

import argparse
import json
from itertools import pairwise
from pathlib import Path

import fullrank as fr

SHARED = {"sampler": "interactions", "lr": 13.0, "batch_size": 256, "dim": 64}
RUNS = {
    "log-positive": {"epochs": 30},
    "euclidean-positive": {"epochs": 30, "lr": 1.0},
    "bpr": {"epochs": 100},
    "bce": {"epochs": 100},
    "directspec+": {"epochs": 100, "alpha": 0.8, "tau": 3.0},
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", default="yelp-sparse")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    split = fr.load(arguments.data, validation=0)
    curves = {}
    for method, settings in RUNS.items():
        values = {**SHARED, **settings, "seed": arguments.seed}
        model = fr.Recommender(method, threads=arguments.threads, **values).fit(split)
        ranks = [record["effective_rank"] for record in model.training["history"]]
        curves[method] = {"settings": values, "effective_rank": ranks}
        rises = sum(later > earlier for earlier, later in pairwise(ranks))
        print(
            f"{method:<20} first {ranks[0]:.2f} lowest {min(ranks):.2f} last {ranks[-1]:.2f} "
            f"epochs with a rise {rises} of {len(ranks) - 1}",
            flush=True,
        )
    if arguments.out:
        arguments.out.write_text(json.dumps({"data": arguments.data, "runs": curves}) + "\n")


if __name__ == "__main__":
    main()
