"""The learning rate of `directspec+` in a study: numbers, or factors of the one by rule.

    python experiments/spans.py [DATA ...] --out results/spans.json

Both studies have as many trials, drawn from the same seed, and none that searches by itself: the
first has the defaults. Chosen by the validation part, a tenth of train; the test part is not
looked at. What the file has already is passed over.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import warnings
from pathlib import Path

import fullrank as fr
from fullrank.methods import METHODS, Space, Span
from fullrank.serving.model_files import versions
from fullrank.studies.trials import settings_in
from fullrank.studies.tune import open_study, tune

METHOD, TRIALS = "directspec+", 14
SPACES: dict[str, Space] = {
    "numbers": {
        **METHODS[METHOD].space,
        "lr": Span(30.0, 400.0, log=True),
        "alpha": Span(0.5, 1.0),
    },
    "by rule": METHODS[METHOD].space,
}
"""As it was, and as it is."""


def measured(data: str, space: Space, seed: int) -> dict[str, object]:
    """What a study finds, and the values of its trials: None where one was stopped or failed."""
    split = fr.load(data, validation=0.1, seed=0)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        storage = Path(folder) / "study.db"
        found = tune(split, METHOD, TRIALS, space=space, seed=seed, storage=storage, threads=1)
        trials = [
            {"validation_ndcg@20": trial.value, **settings_in(trial)}
            for trial in open_study(storage).trials
        ]
    return {
        "validation_ndcg@20": found.value,
        "settings": found.settings,
        "epochs": found.epochs,
        "trials": trials,
        "seconds": round(time.perf_counter() - began),
        "versions": versions(),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", nargs="*", default=["ml-100k", "yelp-sparse", "citeulike"])
    parser.add_argument("--seeds", type=int, nargs="*", default=[1])
    parser.add_argument("--out", type=Path, default=Path("results/spans.json"))
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    report = json.loads(options.out.read_text()) if options.out.exists() else {}
    for data in options.data:
        for seed in map(str, options.seeds):
            for name, space in SPACES.items():
                rows = report.setdefault(data, {}).setdefault(seed, {})
                if name not in rows:
                    rows[name] = measured(data, space, int(seed))
                    options.out.write_text(json.dumps(report, indent=1) + "\n")
                print(data, seed, name, rows[name]["validation_ndcg@20"], flush=True)


if __name__ == "__main__":
    main()
