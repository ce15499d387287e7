"""What lies between the balance that a fit finds and the published settings: one step at a time.

    python experiments/found.py [VARIANT ...] --data gowalla --out results/found.json

Each variant is the preset `published` with something of what a fit comes with, or finds, in its
place, trained on train without its validation part, by whose ndcg@20 it is judged. The test part
is not looked at. What the file has already is passed over.
"""

from __future__ import annotations

import argparse
import json
import warnings
from pathlib import Path
from typing import Any

import fullrank as fr

SHRUNK = 0.02
"""Of the preset: gradients are this squared times as long, so that a rate is worth as much less."""
COMES = {"sampler": "interactions", "distinct": True, "systematic": True}
VARIANTS: dict[str, dict[str, Any]] = {
    "published": {},
    "interactions": {"sampler": "interactions"},
    "distinct": {"distinct": True},
    "systematic": {"systematic": True},
    "unshrunk": {"shrink": 0.0, "lr": 200.0 * SHRUNK**2},
    "alpha 1.1, tau 3": {"alpha": 1.1, "tau": 3.0},
    "all but alpha and tau": {**COMES, "shrink": 0.0, "lr": 200.0 * SHRUNK**2},
}


def run(split: fr.Split, name: str, data: str) -> dict[str, Any]:
    settings = VARIANTS[name]
    model = fr.Recommender("directspec+", preset=f"published:{data}", threads=1, **settings)
    found = model.fit(split.train, split.validation).training
    kept = ("validation_ndcg@20", "best_epoch", "epochs", "effective_rank", "seconds")
    return {"settings": settings, **{name: found[name] for name in kept}}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("variants", nargs="*", default=list(VARIANTS))
    parser.add_argument("--data", default="gowalla")
    parser.add_argument("--out", type=Path, default=Path("results/found.json"))
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    split = fr.load(asked.data, validation=0.1, seed=0)
    for name in asked.variants:
        made = json.loads(asked.out.read_text()) if asked.out.is_file() else {}
        if name in made.get(asked.data, {}):
            continue
        row = run(split, name, asked.data)
        made = json.loads(asked.out.read_text()) if asked.out.is_file() else {}
        made.setdefault(asked.data, {})[name] = row
        asked.out.write_text(json.dumps(made, indent=1) + "\n")
        print(f"{asked.data} {name:<24} {row['validation_ndcg@20']:.4f}", flush=True)


if __name__ == "__main__":
    main()
