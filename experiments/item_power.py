"""What a power of the items' lengths is worth, by learning rate: the reason that `fit` finds one.

    python experiments/item_power.py [DATA ...] --out results/item_power.json

`directspec+` with the balance that its search found (results/defaults.json), at the rate of the
search and at a sixteenth of it, which is where the search used to end; `bpr` beside it. Each is
stopped by the validation nDCG@20 of its rows as they are, which is then taken for other powers
of the items' lengths, and trained once more with the power found at each check. The test part is
not looked at. What the file has already is passed over.
"""

from __future__ import annotations

import argparse
import json
import warnings
from pathlib import Path
from typing import Any

from defaults import load

import fullrank as fr
from fullrank.evaluation import evaluate
from fullrank.methods.searched import FASTER
from fullrank.serving import DotScorer
from fullrank.serving.model_files import versions
from fullrank.spectrum.rows import to_power

POWERS = [0.25 * step for step in range(13)]
DATA = ("ml-100k", "citeulike", "yelp-sparse", "dense", "sparse", "drifting")
BPR = {"lr": 40.0, "weight_decay": 0.004}
"""Where its presets for CiteULike and yelp-sparse lie."""


def runs(found: dict[str, Any]) -> dict[str, tuple[str, dict[str, Any]]]:
    """Methods with their settings, by name of the row."""
    balance = {name: found[name] for name in ("alpha", "tau", "shrink")} | {"auto": ()}
    return {
        "directspec+, rate of the search": ("directspec+", balance | {"lr": found["lr"]}),
        "directspec+, a sixteenth of it": ("directspec+", balance | {"lr": found["lr"] / FASTER}),
        "bpr": ("bpr", BPR),
    }


def run(split: fr.Split, method: str, settings: dict[str, Any]) -> dict[str, Any]:
    plain = fr.Recommender(method, threads=1, **settings).fit(split.train, split.validation)
    curve = {f"{power:g}": by_power(plain, split, power) for power in POWERS}
    row = {"settings": settings, "curve": curve, **kept(plain)}
    if "auto" in settings:
        given = settings | {"auto": ("item_power",)}
        model = fr.Recommender(method, threads=1, **given).fit(split.train, split.validation)
        row["found"] = kept(model) | {"item_power": model.settings.item_power}
    return row | {"versions": versions()}


def by_power(model: fr.Recommender, split: fr.Split, power: float) -> float:
    tables = model.user_embeddings, to_power(model.item_embeddings, power)
    known = {"train": split.train, "metrics": ("ndcg",), "k": (20,)}
    return evaluate(DotScorer(*tables), split.validation, **known)["ndcg@20"]


def kept(model: fr.Recommender) -> dict[str, Any]:
    names = ("validation_ndcg@20", "best_epoch", "epochs", "effective_rank", "seconds")
    return {name: model.training[name] for name in names}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", nargs="*", default=list(DATA))
    parser.add_argument("--found", type=Path, default=Path("results/defaults.json"))
    parser.add_argument("--out", type=Path, default=Path("results/item_power.json"))
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    for data in asked.data:
        row = json.loads(asked.found.read_text())[data]["directspec+"]
        split = load(data, 0)
        for name, (method, settings) in runs(row.get("0", row)["chosen"]).items():
            made = json.loads(asked.out.read_text()) if asked.out.is_file() else {}
            if name in made.get(data, {}):
                continue
            found = run(split, method, settings)
            made.setdefault(data, {})[name] = found
            asked.out.write_text(json.dumps(made, indent=1) + "\n")
            best = max(found["curve"], key=found["curve"].__getitem__)
            print(f"{data} {name}: {found['curve']['1']:.4f}, {found['curve'][best]:.4f} at {best}")


if __name__ == "__main__":
    main()
