"""LightGCN and CCL on Gowalla, beside the public figures on the same split.

    FULLRANK_DATA=../shared/data python experiments/gowalla.py lightgcn --out results/gowalla.json

The first run holds out a tenth of the train part and tells after how many epochs its nDCG@20 is
highest; the second trains on the whole of it for as many and is evaluated once on the test part.
``--once`` leaves the second out and evaluates the first one's model, which has seen nine tenths of
the train part. ``--settings`` takes others than those below.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path

import fullrank as fr

PUBLIC = {"lightgcn": {"recall@20": 0.1820, "ndcg@20": 0.1547}, "ccl": {"recall@20": 0.1837}}
# Guided by short runs on the validation part. Many negatives a pair make up for few epochs: after
# ten of LightGCN, one gives nDCG@20 .080 there (B = 8192), ten .094 and thirty-two .099.
SETTINGS = {
    "lightgcn": {
        "layers": 3,
        "batch_size": 4096,
        "negatives": 32,
        "lr": 0.02,
        "lr_decay": 0.93,
        "weight_decay": 5e-4,
        "epochs": 25,
    },
    "ccl": {
        "batch_size": 2048,
        "negatives": 200,
        "margin": 0.4,
        "weight": 150.0,
        "lr": 4e-3,
        "lr_decay": 0.95,
        "epochs": 40,
    },
}
LOOKS = {"validate_every": 5, "patience": 2}


def fit(method: str, values: dict, split: fr.Split, threads: int) -> tuple[fr.Recommender, float]:
    began = time.perf_counter()
    model = fr.Recommender(method, threads=threads, seed=0, **values).fit(split)
    return model, time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("method", choices=SETTINGS)
    parser.add_argument("--settings", type=json.loads, default={})
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--once", action="store_true", help="test the first run's model instead")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    method, values = arguments.method, SETTINGS[arguments.method] | arguments.settings
    held_out = fr.load("gowalla", validation=0.1, seed=0)
    model, seconds = fit(method, values | LOOKS, held_out, arguments.threads)
    looks = [each for each in model.training["history"] if "validation_ndcg@20" in each]
    curve = {each["epoch"]: each["validation_ndcg@20"] for each in looks}
    epochs = max(curve, key=curve.__getitem__)
    print(
        f"{method} {values}: best {curve[epochs]:.5f} after {epochs}, {seconds:.0f} s", flush=True
    )
    if not arguments.once:
        values |= {"epochs": epochs}
        model, seconds = fit(method, values, fr.load("gowalla", validation=0), arguments.threads)
    test = model.evaluate(protocol="standard", metrics=("ndcg", "recall"))
    made = {
        "settings": values,
        "trained_on": "train without the validation part" if arguments.once else "train",
        "validation_ndcg@20": curve,
        "test": dict(test),
        "public": PUBLIC[method],
        "seconds": round(seconds, 1),
    }
    print(f"  test recall@20 {test['recall@20']:.4f} ndcg@20 {test['ndcg@20']:.4f}", flush=True)
    rows = json.loads(arguments.out.read_text()) if arguments.out.is_file() else {}
    arguments.out.write_text(json.dumps(rows | {method: made}, indent=1) + "\n")


if __name__ == "__main__":
    main()
