"""What a fit without any option is worth: `directspec+` that finds its balance, beside others.

    python experiments/defaults.py [DATA ...] --out results/defaults.json

Every method with its defaults, one thread. Settings and epochs are chosen by the validation part, a
tenth of train; the test part is evaluated on once. What the file has already is passed over.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path

import fullrank as fr
from fullrank.errors import FullrankError
from fullrank.evaluation import evaluate
from fullrank.serving.model_files import versions

SIMPLE = ("popularity", "itemknn", "rp3beta", "spectral", "allpass", "ease")
SEEDS = {"ml-100k": (0, 1, 2, 3)}
"""Of the division and of training; 0 alone where there is no entry."""
EASE_ITEMS = 20_000
"""Most items for which its matrix is made here."""


def run(split: fr.Split, method: str, seed: int) -> dict[str, object]:
    began = time.perf_counter()
    options = {"seed": seed} if method == "directspec+" else {}
    model = fr.Recommender(method, threads=1, **options).fit(split)
    seconds = time.perf_counter() - began
    known = {"train": split.train, "metrics": ("ndcg",), "k": (20,)}
    on_validation = evaluate(model.scorer, split.validation, **known)
    on_test = model.evaluate(metrics=("ndcg", "recall"), k=(20,))
    training = model.training
    return {
        "validation_ndcg@20": on_validation["ndcg@20"],
        "ndcg@20": on_test["ndcg@20"],
        "recall@20": on_test["recall@20"],
        "interval": on_test.intervals["ndcg@20"],
        "effective_rank": training.get("effective_rank"),
        "seconds": seconds,
        "seconds_of_the_winner": training["seconds"],
        "chosen": training.get("chosen"),
        "search": training.get("search"),
        "versions": versions(),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "data", nargs="*", default=["ml-100k", "citeulike", "yelp-sparse", "gowalla"]
    )
    parser.add_argument("--methods", nargs="*", default=[*SIMPLE, "directspec+"])
    parser.add_argument("--out", type=Path, default=Path("results/defaults.json"))
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    made = json.loads(arguments.out.read_text()) if arguments.out.is_file() else {}
    for data in arguments.data:
        for seed in SEEDS.get(data, (0,)):
            split = fr.load(data, validation=0.1, seed=seed)
            for method in arguments.methods:
                rows = made.setdefault(data, {}).setdefault(method, {})
                too_many = method == "ease" and split.train.n_items > EASE_ITEMS
                if str(seed) in rows or too_many:
                    continue
                try:
                    rows[str(seed)] = row = run(split, method, seed)
                except FullrankError as error:
                    print(f"{data} {method}: {error}", flush=True)
                    continue
                arguments.out.write_text(json.dumps(made, indent=1) + "\n")
                figures = f"{row['validation_ndcg@20']:.4f} {row['ndcg@20']:.4f}"
                print(f"{data} {seed} {method:<12} {figures} {row['seconds']:.0f} s", flush=True)


if __name__ == "__main__":
    main()
