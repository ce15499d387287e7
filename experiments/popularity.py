"""What a power of the items' popularity is worth to closed forms.

    python experiments/popularity.py [DATA ...] --out results/popularity.json

Closed forms as they come, solved on train without its validation part, and the
nDCG@20 on that part with scores times a power of the items' numbers of interactions. The test part
is not looked at. What the file has already is passed over.
"""

from __future__ import annotations

import argparse
import json
import warnings
from pathlib import Path

from defaults import load

import fullrank as fr
from fullrank.evaluation import evaluate
from fullrank.methods import build_method
from fullrank.methods.fitting import fit, vary
from fullrank.serving.model_files import versions

DATA = ("ml-100k", "citeulike", "dense", "sparse", "drifting")
METHODS = (
    *("ease", "slim", "itemknn", "turbo-cf", "allpass", "spectral"),
    *("chebycf", "bspm", "gf-cf", "sgfcf", "ials"),
)
POWERS = (-0.5, -0.4, -0.3, -0.2, -0.15, -0.1, -0.05, 0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)


def curve(split: fr.Split, name: str) -> dict[str, float]:
    first = build_method(name, {})
    made = fit(first, {"train": split.train}, "cpu")
    known = {"train": split.train, "metrics": ("ndcg",), "k": (20,)}
    found = {}
    for power in POWERS:
        varied = vary(first.replace(popularity=power), first, made, split.train)
        if varied is None:
            raise TypeError(f"{name} has no power of popularity")
        found[f"{power:g}"] = evaluate(varied[0], split.validation, **known)["ndcg@20"]
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", nargs="*", default=list(DATA))
    parser.add_argument("--out", type=Path, default=Path("results/popularity.json"))
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    for data in asked.data:
        split = load(data, 0)
        for name in METHODS:
            made = json.loads(asked.out.read_text()) if asked.out.is_file() else {}
            if name in made.get(data, {}):
                continue
            row = {"validation_ndcg@20": curve(split, name), "versions": versions()}
            made.setdefault(data, {})[name] = row
            asked.out.write_text(json.dumps(made, indent=1) + "\n")
            values = row["validation_ndcg@20"]
            best = max(values, key=values.__getitem__)
            print(f"{data} {name}: {values['0']:.4f}, {values[best]:.4f} at {best}", flush=True)


if __name__ == "__main__":
    main()
