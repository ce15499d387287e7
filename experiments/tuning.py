"""Tunes every method on the validation part of citeulike, each with the same number of trials.

Where a search begins and what stays fixed came of earlier runs for some methods, on the same part;
those are not among the trials.

    python experiments/tuning.py [NAME ...]
    python experiments/tuning.py --presets     # writes src/fullrank/tuned.py from the summaries

The studies stay in results/tuning/*.db (not committed), so the same command goes on where it
stopped; a summary of each goes to results/tuning/citeulike/NAME.json. The preset `tuned` of each
method is read off these summaries. The test part is not looked at.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import warnings
from pathlib import Path

import fullrank as fr
from fullrank.methods import Span
from fullrank.studies.tune import tune

TRIALS, SEED = 6, 0
THREADS = int(os.environ.get("OMP_NUM_THREADS", 2))
OUT = Path(__file__).parent.parent / "results" / "tuning"

_MF = {"batch_size": 256, "epochs": 150, "validate_every": 10, "patience": 4}
_SMALL = {
    "batch_size": 128,
    "sampler": "users",
    "epochs": 80,
    "validate_every": 5,
    "patience": 4,
    "lr_decay": 0.985,
}
_WIDE = {"batch_size": 1024, "epochs": 80, "validate_every": 4, "patience": 5}
_SPREAD = {
    "batch_size": 2048,
    "sampler": "users",
    "epochs": 80,
    "validate_every": 5,
    "patience": 4,
}
_LONG = {"batch_size": 1024, "epochs": 110, "validate_every": 10, "patience": 3, "layers": 3}
_VIEWS = {"batch_size": 2048, "epochs": 30, "validate_every": 3, "patience": 3}
# At rank 512 the factored propagation trains as the exact one does, fifteen times as fast.
_FACTORED = {
    "encoder": "lightgcn",
    "propagation": "factored",
    "rank": 512,
    "lr_decay": 0.97,
    "epochs": 60,
    "validate_every": 5,
    "patience": 5,
}

# What the programs of DirectSpec do, and its defaults here do not.
_AS_PUBLISHED = {"sampler": "interactions", "distinct": False, "systematic": False}

# The values that DirectSpec's section V-A gives for its baselines on this data set stay fixed.
JOBS = {
    "bpr": ("bpr", {**_MF, "epochs": 400}),
    "enmf": ("enmf", {**_MF, "batch_size": 512}),
    "gde": ("gde", {**_WIDE, "epochs": 60}),
    "itemknn": ("itemknn", {}),
    "spectral": ("spectral", {}),
    **{name: (name, {}) for name in ("rp3beta", "slim", "turbo-cf", "bspm", "chebycf", "sgfcf")},
    "directau": ("directau", {**_SPREAD, "gamma": 5.0, "lr_decay": 0.97}),
    "lightgcn": ("lightgcn", _LONG),
    "cl-rec": ("cl-rec", {**_MF, "epochs": 180, "validate_every": 20, "patience": 3}),
    "logdet": ("logdet", {**_SPREAD, "epochs": 30, "validate_every": 2}),
    "directau-lightgcn": (
        "directau",
        {
            **_SPREAD,
            "batch_size": 1024,
            "gamma": 5.0,
            "encoder": "lightgcn",
            "layers": 2,
            "epochs": 40,
        },
    ),
    "sgl-ed": ("sgl-ed", {**_VIEWS, "layers": 3, "view_drop": 0.1}),
    "lightgcl": (
        "lightgcl",
        {
            **_VIEWS,
            "batch_size": 1024,
            "sampler": "users",
            "view_rank": 5,
            "epochs": 60,
            "validate_every": 5,
        },
    ),
    "directspec": ("directspec", {**_SMALL, **_AS_PUBLISHED}),
    "directspec-lightgcn": (
        "directspec",
        {
            **_SMALL,
            "distinct": False,
            "encoder": "lightgcn",
            "layers": 1,
            "batch_size": 2048,
            "damping": 0.6,
            "systematic": True,
            "epochs": 12,
            "validate_every": 2,
            "lr_decay": 0.8,
        },
    ),
    "ials": ("ials", {}),
    "ease": ("ease", {}),
    "directspec+-lightgcn": ("directspec+", {**_FACTORED, **_AS_PUBLISHED}),
    "directspec+": ("directspec+", {**_MF, **_AS_PUBLISHED}),
    "dropedge": ("dropedge", _LONG),
    "ccl": (
        "ccl",
        {
            "batch_size": 1024,
            "negatives": 200,
            "weight": 300.0,
            "weight_decay": 0.0,
            "epochs": 50,
            "lr_decay": 0.95,
            "validate_every": 5,
            "patience": 3,
        },
    ),
    "bce": ("bce", _MF),
    "euclidean": ("euclidean", _MF),
}


# The smoothed gradient of the graph allows, and wants, other steps than free rows do.
SPACES = {
    "directspec+-lightgcn": {
        "lr": Span(200.0, 4000.0, log=True),
        "alpha": Span(0.5, 1.0),
        "tau": Span(2.5, 4.0),
        "shrink": (0.03, 0.06, 0.1),
    },
    "lightgcl": {
        "lr": Span(5e-3, 2e-2, log=True),
        "weight_decay": Span(1e-3, 2e-2, log=True),
        "contrast": Span(0.05, 1.0, log=True),
        "temperature": Span(0.1, 0.5, log=True),
    },
    "directspec": {
        "lr": Span(20.0, 120.0, log=True),
        "alpha": Span(0.06, 0.16),
        "shrink": (0.0, 0.1, 0.3),
        "weight_decay": Span(1e-5, 1e-2, log=True),
    },
    "ccl": {
        # No decay: Adam would take the many rows that have no other gradient to zero by it.
        "lr": Span(1e-3, 1e-2, log=True),
        "margin": Span(0.1, 0.95),
    },
    "directspec-lightgcn": {
        "lr": Span(12.0, 50.0, log=True),
        "alpha": Span(0.0095, 0.0125),
        "weight_decay": Span(0.4, 1.5, log=True),
    },
}

# Where the search begins: what the papers state, fullrank's defaults, or, as the ranges above and
# the fixed values of the jobs, what shorter runs on the same validation part pointed to.
STARTS = {
    "directspec+": {"lr": 180.0, "alpha": 1.0, "tau": 3.0, "shrink": 0.03},
    "directspec+-lightgcn": {"lr": 1000.0, "alpha": 0.85, "tau": 3.4, "shrink": 0.06},
    "directspec": {"lr": 60.0, "alpha": 0.12, "shrink": 0.0, "weight_decay": 1e-4},
    "directspec-lightgcn": {"lr": 26.0, "alpha": 0.011, "weight_decay": 0.9},
    "directau": {"lr": 2e-3, "weight_decay": 1.7e-3},
    "directau-lightgcn": {"lr": 1.5e-3, "weight_decay": 1e-4},
    "sgl-ed": {"lr": 1e-2, "weight_decay": 1e-4, "contrast": 0.1, "temperature": 0.2},
    "lightgcl": {"lr": 1e-2, "weight_decay": 4e-3, "contrast": 0.2, "temperature": 0.2},
    "lightgcn": {"lr": 1.5e-2, "weight_decay": 5e-4},
    "dropedge": {"lr": 1.5e-2, "weight_decay": 5e-4, "drop_edges": 0.1},
    "logdet": {"lr": 1e-3, "weight_decay": 1e-4, "gamma": 1.0, "layers": 1},
    "ccl": {"lr": 4e-3, "margin": 0.8},
    "spectral": {"rank": 1024, "beta": 0.3, "smoothing": 1.0},
    "ials": {"dim": 256, "regularization": 0.006, "confidence": 100.0},
    "cl-rec": {"lr": 40.0, "weight_decay": 4e-3, "contrast": 0.01, "temperature": 0.2},
}


UNKEPT = ("validate_every", "patience")
"""Settings that a run without a validation part does not need."""


def write_presets() -> None:
    """The settings that were found, numbers to four digits, at the end of citeulike's presets."""
    target = OUT.parent.parent / "src" / "fullrank" / "presets" / "citeulike.toml"
    lines = [target.read_text().partition("# What tuning")[0] + "# What tuning on the validation "
             "part found (experiments/tuning.py)."]  # fmt: skip
    for name, (method, fixed) in sorted(JOBS.items()):
        path = OUT / "citeulike" / f"{name}.json"
        if path.is_file():
            preset = "tuned-lightgcn" if name.endswith("-lightgcn") else "tuned"
            lines += ["", f'[{preset}."{method}"]']
            found = fixed | preset_of(json.loads(path.read_text()))  # fixed since some were tuned
            found = {key: each for key, each in found.items() if key not in UNKEPT}
            lines += [f"{key} = {json.dumps(value)}" for key, value in found.items()]
    target.write_text("\n".join(lines) + "\n")


def preset_of(summary: dict) -> dict:
    """Settings of a final run: no validation part, so as many epochs as were best."""
    kept = {k: v for k, v in summary["settings"].items() if k not in UNKEPT}
    if summary["epochs"]:
        kept["epochs"] = summary["epochs"]
    return {k: float(f"{v:.4g}") if isinstance(v, float) else v for k, v in kept.items()}


def main() -> None:
    if sys.argv[1:] == ["--presets"]:
        write_presets()
        return
    warnings.simplefilter("ignore")
    split = fr.load("citeulike", validation=0.1, seed=0)
    for name in sys.argv[1:] or JOBS:
        method, fixed = JOBS[name]
        print(f"{name}: {method} with {fixed}", flush=True)
        study = tune(
            split,
            method,
            TRIALS,
            fixed=fixed,
            space=SPACES.get(name),
            start=STARTS.get(name),
            storage=OUT / f"{name}.db",
            seed=SEED,
            threads=THREADS,
            log=lambda line: print("  " + line, flush=True),
        )
        path = OUT / split.name / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(dataclasses.asdict(study), indent=1) + "\n")
        print(f"  -> {study.value:.5f} at epoch {study.epochs}, {study.seconds} s", flush=True)


if __name__ == "__main__":
    main()
