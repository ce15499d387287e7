"""What a fit without any option is worth: `auto`, beside every method with its defaults.

    python experiments/defaults.py [DATA ...] --out results/defaults.json

One thread; the time of `auto` is the processor's, so that a busy machine does not cut it. Settings,
epochs and methods are chosen by the validation part, a tenth of train; the test part is evaluated
on once. Beside `auto` stands each method with the settings that it found for it. What the file has
already is passed over.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path

import numpy as np
from altered import ALTERED

import fullrank as fr
from fullrank.data import Interactions, random_split, time_split
from fullrank.errors import FullrankError
from fullrank.evaluation import evaluate
from fullrank.portfolio.contest import Contest
from fullrank.serving.model_files import versions

SIMPLE = ("popularity", "itemknn", "rp3beta", "spectral", "allpass", "ease", "ials")
FILTERS = ("turbo-cf", "chebycf", "bspm", "gf-cf", "sgfcf", "slim")
SEEDS = {"ml-100k": (0, 1, 2, 3)} | dict.fromkeys(("dense", "sparse", "drifting"), (0, 1, 2))
"""Of generated data, the division and training; 0 alone where there is no entry."""
EASE_ITEMS = 20_000
"""Most items for which its matrix is made here."""
GENERATED = {"dense": (600, 500, 40_000), "sparse": (4_000, 6_000, 60_000)}
"""Users, items, interactions."""
LIKE_TEST = ", validation like test"
"""After the name of a data set: validation is drawn with the test part's margin by popularity."""
PERIODS, FASHION = 4, 0.5
"""Of the drifting data, and the share of each period's interactions that is its own."""


def load(data: str, seed: int) -> fr.Split:
    if data in ALTERED:
        return ALTERED[data](seed)
    if data in GENERATED:
        return random_split(fr.generate(*GENERATED[data], seed=seed), seed=seed, name=data)
    if data == "drifting":
        return time_split(drifting(2_000, 1_500, 60_000, seed), name=data)
    name = data.removesuffix(LIKE_TEST)
    like = "uniform" if name == data else "test"
    return fr.load(name, validation=0.1, seed=seed, validation_like=like)


def drifting(n_users: int, n_items: int, n: int, seed: int) -> Interactions:
    """Users with lasting tastes, and with tastes and an order of popularity of each period."""
    rng = np.random.default_rng(seed)
    lasting = fr.generate(n_users, n_items, n, seed=seed)
    lasting = lasting.select(rng.random(n) > FASHION)
    size = int(FASHION * n / PERIODS)
    own = [fr.generate(n_users, n_items, size, seed=seed + 1 + each) for each in range(PERIODS)]
    parts = [lasting, *own]
    fashions = [np.full(len(part), each) for each, part in enumerate(own)]
    period = np.concatenate([rng.integers(PERIODS, size=len(lasting)), *fashions])
    return Interactions.from_rows(
        lasting.users,
        lasting.items,
        np.concatenate([part.user_idx for part in parts]),
        np.concatenate([part.item_idx for part in parts]),
        timestamp=1_000_000 * period + rng.integers(1_000_000, size=len(period)),
    )


def run(split: fr.Split, method: str, seed: int) -> dict[str, object]:
    clock = {"clock": time.process_time}
    Contest.__init__.__kwdefaults__ = Contest.__init__.__kwdefaults__ | clock
    began = time.perf_counter()
    options = {"seed": seed} if method in ("directspec+", "auto") else {}
    model = fr.Recommender(method, threads=1, **options).fit(split)
    seconds = time.perf_counter() - began
    known = {"train": split.train, "metrics": ("ndcg",), "k": (20,)}
    on_validation = evaluate(model.scorer, split.validation, **known)
    on_test = model.evaluate(metrics=("ndcg", "recall"), k=(20,))
    training = model.training
    if method == "auto":
        seconds = training["auto"]["seconds"]
    return {
        "validation_ndcg@20": on_validation["ndcg@20"],
        "ndcg@20": on_test["ndcg@20"],
        "recall@20": on_test["recall@20"],
        "interval": on_test.intervals["ndcg@20"],
        "effective_rank": training.get("effective_rank"),
        "seconds": seconds,
        "seconds_of_the_winner": training["seconds"],
        "chosen": training.get("chosen"),
        "search": training.get("search"),
        **(found_by(model, split) if method == "auto" else {}),
        "versions": versions(),
    }


def found_by(model: fr.Recommender, split: fr.Split) -> dict[str, object]:
    """What `auto` chose, and each method with the settings that it found for it."""
    auto, searched = model.training["auto"], {}
    for line in auto["leaderboard"]:
        if line["validation_ndcg@20"] is None or line["method"] == "blend":
            continue
        alone = fr.Recommender(line["method"], threads=1, **line["settings"]).fit(split)
        searched[line["method"]] = {
            "settings": line["settings"],
            "validation_ndcg@20": line["validation_ndcg@20"],
            "ndcg@20": alone.evaluate(metrics=("ndcg",), k=(20,))["ndcg@20"],
            "seconds": line["seconds"],
            "trials": line["trials"],
        }
    notes = {line["method"]: line["note"] for line in auto["leaderboard"] if line["note"]}
    weights = auto["leaderboard"][0]["settings"] if auto["won"] == "blend" else {}
    return {"won": auto["won"], "weights": weights, "searched": searched, "notes": notes}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "data",
        nargs="*",
        default=["ml-100k", "citeulike", "yelp-sparse", *GENERATED, "drifting", "gowalla"],
    )
    parser.add_argument("--methods", nargs="*", default=[*SIMPLE, *FILTERS, "directspec+", "auto"])
    parser.add_argument("--seeds", nargs="*", type=int, help="of all data; else as SEEDS says")
    parser.add_argument("--out", type=Path, default=Path("results/defaults.json"))
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    made = json.loads(arguments.out.read_text()) if arguments.out.is_file() else {}
    for data in arguments.data:
        for seed in arguments.seeds or SEEDS.get(data, (0,)):
            split = load(data, seed)
            for method in arguments.methods:
                rows = made.setdefault(data, {}).setdefault(method, {})
                too_many = method == "ease" and split.train.n_items > EASE_ITEMS
                if str(seed) in rows or too_many:
                    continue
                try:
                    rows[str(seed)] = row = run(split, method, seed)
                except FullrankError as error:
                    print(f"{data} {method}: {error}", flush=True)
                    continue
                arguments.out.write_text(json.dumps(made, indent=1) + "\n")
                figures = f"{row['validation_ndcg@20']:.4f} {row['ndcg@20']:.4f}"
                print(f"{data} {seed} {method:<12} {figures} {row['seconds']:.0f} s", flush=True)


if __name__ == "__main__":
    main()
