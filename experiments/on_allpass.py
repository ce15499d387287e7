"""DirectSpec+ on top of allpass: begun from its rows, blended with it, or neither.

    FULLRANK_DATA=../shared/data python experiments/on_allpass.py [DATA ...]

nDCG@20 on a validation part of a tenth of train, for two draws of it, one thread. ``directspec+``
has its own settings for the data, d = 64, and begins from random rows, or from those of ``allpass``
of rank 64 at several learning rates. A blend has weights chosen on half of the users and is judged
on the other half, both ways. Writes ``results/on_allpass.json``.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path
from typing import Any

import fullrank as fr
from fullrank.evaluation.evaluate import evaluate
from fullrank.portfolio.blend import blend
from fullrank.portfolio.board import Part

SEEDS = (0, 1)
SETTINGS: dict[str, dict[str, Any]] = {
    "ml-100k": {"alpha": 0.6, "tau": 4.0, "lr": 30.0, "epochs": 60},
    "citeulike": {"preset": "tuned:citeulike"},
    "yelp-sparse": {"preset": "tuned:yelp-sparse"},
}
RATES = (1.0, 0.3, 0.1)
"""Learning rates from the rows of allpass, over the one from random rows."""


def fitted(method: str, split: fr.Split, **settings: Any) -> tuple[fr.Recommender, float]:
    """A model of the train part, its epoch chosen on the validation part, and its seconds."""
    start = settings.pop("start_from", None)
    began = time.perf_counter()
    model = fr.Recommender(method, seed=0, **settings).fit(split, start_from=start)
    return model, time.perf_counter() - began


def part(model: fr.Recommender, split: fr.Split) -> Part:
    """What a blend takes."""
    scorer, train = model.scorer, split.train
    found = evaluate(scorer, split.validation, train=train, k=(20,), metrics=("ndcg",))
    return Part(model.settings, (scorer, model.training), found)


def measured(name: str, seed: int) -> dict[str, Any]:
    """Every way on one draw of the validation part."""
    split = fr.load(name, validation=0.1, seed=seed)
    plus = {"threads": 1, **SETTINGS[name]}
    rows: dict[str, Any] = {}

    def note(label: str, model: fr.Recommender, seconds: float) -> Part:
        made = part(model, split)
        history = model.training.get("history") or [{}]
        rows[label] = {
            "ndcg@20": round(made.value, 5),
            "effective_rank": history[-1].get("effective_rank"),
            "best_epoch": model.training.get("best_epoch"),
            "seconds": round(seconds, 1),
        }
        print(name, seed, label, rows[label], flush=True)
        return made

    whole = note("allpass", *fitted("allpass", split))
    narrow, seconds = fitted("allpass", split, rank=64)
    note("allpass, rank 64", narrow, seconds)
    rate = fr.Recommender("directspec+", **plus).settings.lr
    random = note("directspec+", *fitted("directspec+", split, **plus))
    parts = {"random": random}
    for share in RATES:
        settings = plus | {"lr": rate * share, "start_from": narrow}
        label = f"directspec+ from allpass, lr x {share:g}"
        parts[label] = note(label, *fitted("directspec+", split, **settings))
    best = max(parts.values(), key=lambda each: each.value)
    for label, other in (("directspec+", random), ("the best directspec+", best)):
        ordered = sorted((whole, other), key=lambda each: -each.value)
        data = {"train": split.train, "validation": split.validation}
        found = blend(ordered, data, seed=0)
        rows[f"allpass and {label}"] = (
            {"kept": False, "why": found}
            if isinstance(found, str)
            else {"gain": round(found.gain, 5), "interval": [round(x, 5) for x in found.interval],
                  "ndcg@20": round(found.part.value, 5), "of": ordered[0].method.name,
                  "kept": found.wins}
        )  # fmt: skip
        print(name, seed, label, rows[f"allpass and {label}"], flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", nargs="*", default=[*SETTINGS])
    parser.add_argument("--out", type=Path, default=Path("results/on_allpass.json"))
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    document = json.loads(arguments.out.read_text()) if arguments.out.is_file() else {}
    for name in arguments.data:
        for seed in SEEDS:
            document.setdefault(name, {})[str(seed)] = measured(name, seed)
            arguments.out.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
