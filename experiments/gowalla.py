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
from typing import Any

import fullrank as fr
from fullrank.evaluation import evaluate

PUBLIC = {"lightgcn": {"recall@20": 0.1820, "ndcg@20": 0.1547}, "ccl": {"recall@20": 0.1837}}
# Guided by short runs on the validation part, nDCG@20 / Recall@20 there. LightGCN: many negatives a
# pair make up for few epochs (after ten, one gives .080, ten .094 and thirty-two .099); a rate of
# .04 .101 then, one of .02 .099, one of .08 .094; after twenty a weight decay of 1e-3 .1033 /
# .1856, one of 1e-2 .1016 / .1881. ccl, 36 epochs, 1,000 negatives: margin .9 and weight 150,
# SimpleX's for Gowalla, .1109 / .2015, with 3,000 negatives .1119 / .2035, at weight 300 .1134 /
# .2037; margin .8 .1144 / .2060, .7 .1146 / .2059; at .8 weight 300 .1132 / .2013, dropout .15
# .1130 / .2046, pairs over users .1103 / .1983, popular items damped .1093 / .1986, systematic
# pairs .1162 / .2084.
SETTINGS = {
    "lightgcn": {
        "layers": 3,
        "batch_size": 4096,
        "negatives": 32,
        "systematic": True,
        "lr": 0.04,
        "lr_decay": 0.965,
        "weight_decay": 5e-3,
        "epochs": 110,
    },
    "ccl": {
        "batch_size": 512,
        "negatives": 2000,
        "shared_negatives": True,
        "systematic": True,
        "dropout": 0.1,
        "margin": 0.8,
        "weight": 150.0,
        "lr": 2e-3,
        "lr_decay": 0.975,
        "epochs": 120,
    },
}
EVERY = {"lightgcn": 5, "ccl": 10}
"""Epochs between two points of the curve."""
METRICS: dict[str, Any] = {"metrics": ("ndcg", "recall")}


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
        made |= evaluate(model.scorer, split.validation, train=split.train, **METRICS)
    else:
        made |= model.evaluate(protocol="standard", **METRICS)
        made["public"] = PUBLIC[arguments.method]
    print(arguments.method, arguments.part, made, flush=True)
    rows = json.loads(arguments.out.read_text()) if arguments.out.is_file() else {}
    rows.setdefault(arguments.method, {})[arguments.part] = made
    arguments.out.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
