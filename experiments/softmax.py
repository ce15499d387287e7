"""SL@K's weights on the sampled softmax: by whether a pair is among its user's first K.

    FULLRANK_DATA=../shared/data python experiments/softmax.py [DATA ...]

On the validation part, a tenth of train, at the best epoch; the test part is never looked at.
Everything goes to ``results/softmax.json``, line by line; what it has already is passed over.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import fullrank as fr

WEIGHTS: tuple[dict[str, Any], ...] = (
    {},
    *({"cutoff": 20, "weight_temperature": each} for each in (0.1, 0.2, 0.5, 1.0)),
)
SETTINGS: dict[str, Any] = {"epochs": 60, "validate_every": 2, "patience": 5}
SEEDS = {"ml-100k": (0, 1, 2)}
"""Of the division and of training; 0 alone where there is no entry."""
OUT = Path(__file__).parent.parent / "results" / "softmax.json"


def main() -> None:
    """Fits all, one after another."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="*", default=["ml-100k", "citeulike"])
    found: list[dict[str, Any]] = json.loads(OUT.read_text()) if OUT.is_file() else []
    known = [(each["data"], each["seed"], each["settings"]) for each in found]
    for data in parser.parse_args().data:
        for seed in SEEDS.get(data, (0,)):
            split = fr.load(data, validation=0.1, seed=seed)
            for weights in WEIGHTS:
                if (data, seed, weights) in known:
                    continue
                how = {**SETTINGS, **weights, "seed": seed}
                training = fr.Recommender("softmax", threads=1, **how).fit(split).training
                line = {"data": data, "seed": seed, "settings": weights}
                kept = ("validation_ndcg@20", "best_epoch", "effective_rank", "seconds")
                found.append(line | {name: training[name] for name in kept})
                OUT.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
