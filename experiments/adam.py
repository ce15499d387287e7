"""DirectAU on ml-100k by Adam of each row alone, and by dense Adam as its authors' program has.

    FULLRANK_DATA=../shared/data python experiments/adam.py

Published rates and batches; the best nDCG@20 on a validation part of a tenth of train, on one
thread. Writes ``results/adam.json``.
"""

from __future__ import annotations

import argparse
import json
import warnings
from pathlib import Path

import fullrank as fr

RULES = ("adam", "dense-adam")
SETTINGS = {"lr": 0.001, "batch_size": 1024, "epochs": 150, "patience": 6}
GAMMAS = (1.0,)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, default=Path("results/adam.json"))
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    split = fr.load("ml-100k", validation=0.1, seed=0)
    rows = []
    for gamma in GAMMAS:
        for rule in RULES:
            values = {**SETTINGS, "gamma": gamma, "optimizer": rule}
            training = fr.Recommender("directau", threads=1, seed=0, **values).fit(split).training
            found = {
                "validation_ndcg@20": round(training["validation_ndcg@20"], 5),
                "best_epoch": training["best_epoch"],
                "effective_rank": round(training["effective_rank"], 1),
            }
            rows.append({"gamma": gamma, "optimizer": rule, **found})
            print(rows[-1], flush=True)
    document = {"method": "directau", "data": "ml-100k", "settings": SETTINGS, "rows": rows}
    arguments.out.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
