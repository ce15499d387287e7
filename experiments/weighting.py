"""How weights are read: as given, by their logarithm, not at all.

    FULLRANK_DATA=../shared/data python experiments/weighting.py

MovieLens 100K with ratings as weights, and with weights that mean nothing (a view, a cart or a
purchase by chance; log-normal counts). Each method by its defaults, on the validation part; the
test part is never looked at. Everything goes to ``results/weighting.json``.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import fullrank as fr
from fullrank.data.splits import random_split
from fullrank.data.weighting import WAYS

METHODS = ("popularity", "itemknn", "rp3beta", "turbo-cf", "slim", "ease", "ials", "allpass")
SEEDS = (0, 1, 2)
OUT = Path(__file__).parent.parent / "results" / "weighting.json"


def tables(seed: int) -> Iterator[tuple[str, fr.Interactions]]:
    """Interactions with weights."""
    path = Path(os.environ["FULLRANK_DATA"]) / "ml-100k" / "ml-100k.inter"
    rated = fr.read(path, columns=fr.Columns(weight="rating"))
    rng, n = np.random.default_rng(seed), len(rated)
    yield "ratings from 1 to 5", rated
    meaningless = {
        "1, 3 or 10 by chance": rng.choice([1.0, 3.0, 10.0], size=n, p=[0.85, 0.1, 0.05]),
        "log-normal by chance": np.exp(1.5 * rng.standard_normal(n)),
    }
    for name, weight in meaningless.items():
        yield (
            name,
            fr.Interactions.from_rows(
                rated.users, rated.items, rated.user_idx, rated.item_idx, weight=weight
            ),
        )


def main() -> None:
    """Fits all, and writes the means over splits."""
    found: dict[str, dict[str, dict[str, list[float]]]] = {}
    for seed in SEEDS:
        for name, data in tables(seed):
            split = random_split(data, seed=seed)
            own = found.setdefault(name, {})
            for method in METHODS:
                for way in WAYS:
                    model = fr.Recommender(method, weighting=way, threads=1).fit(split.train)
                    value = model.evaluate(split.validation, metrics=["ndcg"], k=20)["ndcg@20"]
                    own.setdefault(method, {}).setdefault(way, []).append(value)
            chosen = fr.Recommender("itemknn", weighting="auto", threads=1).fit(split)
            print(name, seed, chosen.settings.weighting, flush=True)
    text = json.dumps({"seeds": list(SEEDS), "metric": "validation ndcg@20", "values": found})
    OUT.write_text(text + "\n")


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        main()
