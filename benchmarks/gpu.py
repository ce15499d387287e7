"""Epochs on a GPU, with captured steps and without, beside those of the processor it sits in.

    FULLRANK_DATA=../shared/data python benchmarks/gpu.py --out results/gpu.json

Every figure is the median of epochs after some to warm up, with sampling and updates; an epoch of
more than seconds is scaled up from its first steps. ``fits`` are whole commands with the preset
``fast``, and the metrics of their models: results/speed.json has those of the processor. The file
is written again after each row.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from speed import epoch_seconds, machine

import fullrank as fr
from fullrank.methods import METHODS, TrainedMethod

COLUMNS = {"gpu": ("cuda", "1"), "gpu, launched": ("cuda", "0"), "processor": ("cpu", "1")}
"""Device, and whether steps are captured (``FULLRANK_CUDA_GRAPH``)."""
USUAL = ["directspec+", "directspec", "bpr", "cl-rec", "lightgcn"]
LONGEST = 2.0
"""Seconds of an epoch that are made."""


def rows(methods: list[str], names: list[str], epochs: int) -> Iterator[dict[str, object]]:
    data = {name: fr.load(name, validation=0).train for name in names}
    for method in methods:
        for name, train in data.items():
            row: dict[str, object] = {"data": name, "what": method}
            for column, (device, graph) in COLUMNS.items():
                os.environ["FULLRANK_CUDA_GRAPH"] = graph
                how = {"device": device, "most": len(train), "longest": LONGEST}
                row[column], row["steps"] = epoch_seconds(train, method, {}, epochs, **how)
            yield row


def fit(name: str) -> dict[str, object]:
    """Seconds from the command to the model, and its metrics."""
    with tempfile.TemporaryDirectory() as folder:
        call = [sys.executable, "-m", "fullrank", "fit", name, "--preset", "fast"]
        call += ["--device", "cuda", "--seed", "0", "-o", f"{folder}/m"]
        began = time.perf_counter()
        subprocess.run(call, capture_output=True, check=True)
        seconds = time.perf_counter() - began
        metrics = dict(fr.Recommender.load(f"{folder}/m").evaluate(protocol="published"))
        training = json.loads(Path(folder, "m", "manifest.json").read_text())["training"]
    return {
        "what": f"fit {name} --preset fast --device cuda",
        "seconds": seconds,
        "epochs_seconds": training["seconds"],
        "engine": training["engine"]["name"],
        **metrics,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, default=Path("results/gpu.json"))
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--data", nargs="*", default=["citeulike", "gowalla"])
    parser.add_argument("--methods", nargs="*", default=USUAL, help="or 'all'")
    parser.add_argument("--fast", nargs="*", default=[], help="data sets to fit with preset fast")
    options = parser.parse_args()
    trained = [name for name, row in METHODS.items() if issubclass(row, TrainedMethod)]
    methods = trained if options.methods == ["all"] else options.methods
    where = {"gpu": torch.cuda.get_device_name(), "python": platform.python_version()}
    report: dict[str, list[object] | dict[str, object]]
    report = {"machine": machine(torch.get_num_threads()) | where, "fits": [], "steps": []}
    for kind, made in (
        ("fits", map(fit, options.fast)),
        ("steps", rows(methods, options.data, options.epochs)),
    ):
        for row in made:
            print(row, file=sys.stderr, flush=True)
            report[kind].append(row)
            options.out.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
