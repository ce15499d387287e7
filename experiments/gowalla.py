"""LightGCN and CCL on Gowalla, beside the public figures on the same split.

    FULLRANK_DATA=../shared/data python experiments/gowalla.py lightgcn validation
    FULLRANK_DATA=../shared/data python experiments/gowalla.py lightgcn test

``validation`` holds out a tenth of the train part and draws the curve of its nDCG@20; ``test``
trains on the whole of the train part for as many epochs and is evaluated once, on the test part.
Both write to ``results/gowalla.json``.
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
# ten of LightGCN, one gives nDCG@20 .080 there (B = 8192), ten .094 and thirty-two .099. Margin and
# weight of ccl are those that SimpleX gives for Gowalla: a margin of .6 is ahead of .9 after eight
# epochs, .090 against .079, and one of .7 behind it after fifty, .116 against .117 (.8: .117).
SETTINGS = {
    "lightgcn": {
        "layers": 3,
        "batch_size": 4096,
        "negatives": 32,
        "lr": 0.02,
        "lr_decay": 0.96,
        "weight_decay": 3e-3,
        "epochs": 60,
    },
    "ccl": {
        "batch_size": 2048,
        "negatives": 200,
        "margin": 0.9,
        "weight": 150.0,
        "lr": 4e-3,
        "lr_decay": 0.98,
        "epochs": 120,
    },
}
EVERY = {"lightgcn": 5, "ccl": 10}
"""Epochs between two points of the curve."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("method", choices=SETTINGS)
    parser.add_argument("part", choices=("validation", "test"))
    parser.add_argument("--settings", type=json.loads, default={}, help="in place of those above")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("results/gowalla.json"))
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    held_out = arguments.part == "validation"
    values = SETTINGS[arguments.method] | arguments.settings
    split = fr.load("gowalla", validation=0.1 if held_out else 0, seed=0)
    looks = {"validate_every": EVERY[arguments.method], "patience": 100} if held_out else {}
    began = time.perf_counter()
    model = fr.Recommender(
        arguments.method, threads=arguments.threads, seed=0, **values | looks
    ).fit(split)
    seconds = round(time.perf_counter() - began, 1)
    made = {"settings": values, "threads": arguments.threads, "seconds": seconds}
    if held_out:
        history = model.training["history"]
        key = "validation_ndcg@20"
        made[key] = {look["epoch"]: round(look[key], 5) for look in history if key in look}
    else:
        made |= model.evaluate(protocol="standard", metrics=("ndcg", "recall"))
        made["public"] = PUBLIC[arguments.method]
    print(arguments.method, arguments.part, made, flush=True)
    rows = json.loads(arguments.out.read_text()) if arguments.out.is_file() else {}
    rows.setdefault(arguments.method, {})[arguments.part] = made
    arguments.out.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
