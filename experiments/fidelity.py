"""What each deviation from a paper or its program is worth, where a setting brings theirs back.

    FULLRANK_DATA=../shared/data python experiments/fidelity.py [WORD ...]

ml-100k: nDCG@20 on a validation part of a tenth of train, for two draws of it, our defaults beside
theirs, all else the same, on one thread. Rows that the file has are passed over; WORD names methods
to run alone. Writes ``results/fidelity.json``.
"""

from __future__ import annotations

import argparse
import json
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import fullrank as fr

SEEDS = (0, 1)
TRAINED = {"epochs": 40}
BALANCED = TRAINED | {"alpha": 0.7, "tau": 4.5}


class Deviation(NamedTuple):
    """Settings that bring back what a paper or a program does, and what both runs have."""

    method: str
    theirs: dict[str, Any]
    both: dict[str, Any]


DEVIATIONS = (
    Deviation("directspec+", {"tau_design": "graph", "tau_near": 2.5}, BALANCED),
    Deviation("directspec+", {"tau": 1.0}, BALANCED | {"tau_design": "attention"}),
    Deviation("directspec+", {"batch_size": 512}, BALANCED),
    Deviation("directspec+", {"distinct": False}, BALANCED),
    Deviation("directspec+", {"systematic": False}, BALANCED),
    Deviation(
        "directspec+",
        {"init": "joint", "balanced_decay": 0.01},
        BALANCED | {"encoder": "lightgcn"},
    ),
    Deviation("directau", {"optimizer": "dense-adam"}, TRAINED),
    Deviation("lightgcn", {"optimizer": "dense-adam"}, TRAINED),
    Deviation("sgl-ed", {"contrast_with": "all"}, TRAINED),
    Deviation("sgl-ed", {"contrast_with": "all", "contrast_rows": "drawn"}, TRAINED),
    Deviation("lightgcl", {"contrast_layers": "each"}, TRAINED),
    Deviation("lightgcl", {"contrast_negatives": True, "contrast_rows": "drawn"}, TRAINED),
    Deviation("lightgcl", {"similarity": "dot", "contrast_with": "all"}, TRAINED),
    Deviation("gde", {"low_share": 0.3}, TRAINED),
    Deviation("gde", {"filter_dropout": 0.3}, TRAINED),
    Deviation("gde", {"unit_filter": False}, TRAINED),
    Deviation("gde", {"beta": 5.0, "optimizer": "sgd", "lr": 0.02}, TRAINED),
    Deviation("enmf", {"keep": 0.7}, TRAINED),
    Deviation("spectral", {"projection": "gf-cf", "beta": 0.5, "smoothing": 3.33}, {}),
    Deviation("ials", {"exponent": 0.0}, {}),
    Deviation("chebycf", {"targets": "nodes"}, {}),
    Deviation("turbo-cf", {"order": 2, "power": 1.0}, {}),
    Deviation(
        "bspm",
        {"solver": "euler", "sharpening": 1.2, "average": True, "rank": 384, "alpha": 0.3},
        {},
    ),
)


def validation(method: str, settings: dict[str, Any]) -> list[float]:
    """nDCG@20 on the validation part of each draw."""
    figures = []
    for seed in SEEDS:
        split = fr.load("ml-100k", validation=0.1, seed=seed)
        model = fr.Recommender(method, seed=0, **settings).fit(split)
        figures.append(round(model.evaluate(split.validation)["ndcg@20"], 5))
    return figures


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("methods", nargs="*")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("results/fidelity.json"))
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    rows = json.loads(arguments.out.read_text())["rows"] if arguments.out.is_file() else []
    known = {(row["method"], json.dumps(row["theirs"])) for row in rows}
    ours: dict[str, list[float]] = {}
    for method, theirs, both in DEVIATIONS:
        named = not arguments.methods or method in arguments.methods
        if not named or (method, json.dumps(theirs)) in known:
            continue
        kind = fr.Recommender(method).settings
        threads = {"threads": arguments.threads} if hasattr(kind, "threads") else {}
        key = json.dumps([method, both])
        ours[key] = ours.get(key) or validation(method, both | threads)
        row = {"method": method, "theirs": theirs, "both": both, "here": ours[key]}
        row["there"] = validation(method, both | threads | theirs)
        rows.append(row)
        print(row, flush=True)
        document = {"data": "ml-100k", "seeds": SEEDS, "rows": rows}
        arguments.out.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
