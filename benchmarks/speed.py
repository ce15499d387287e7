"""Steps, epochs, ranking and evaluation on citeulike and gowalla, beside the floor of the step.

    FULLRANK_DATA=../shared/data python benchmarks/speed.py --out results/speed.json

The floor is the time of the ten B × B × d products of a DirectSpec+ step in torch, measured in the
same process with the same threads. Every figure is a median; each is measured in turn with the
floor, and given as a ratio to it too.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import serving
import torch

import fullrank as fr
from fullrank.evaluation import evaluate
from fullrank.methods import METHODS, TrainedMethod, build_method
from fullrank.serving import DotScorer, top_k
from fullrank.training import Trainer

B, D = 256, 64
GRAPH = {"tau_design": "graph", "tau_near": 2.5}
ON_GRAPH = {"encoder": "lightgcn"}
FACTORED = {**ON_GRAPH, "propagation": "factored"}
TRAINED = [name for name, row in METHODS.items() if issubclass(row, TrainedMethod)]
VARIANTS = [(method, {}) for method in TRAINED] + [
    ("directspec+", GRAPH),
    ("bpr", {"batch_size": 2048}),
    ("log-positive", ON_GRAPH),
    ("directspec+", ON_GRAPH),
    ("directspec+", {**FACTORED, "rank": 256}),
    ("directspec+", {**FACTORED, "rank": 512}),
    ("lightgcn", {"batch_size": 256, "optimizer": "sgd", "lr": 10.0}),
]
MOST_STEPS, MOST_SECONDS = 700, 4.0
"""Of an epoch that are made; a longer one is scaled up from these, less what it does but once."""


def median(work, repeats: int) -> float:
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def floor(repeats: int = 15, steps: int = 200) -> float:
    """Seconds of the ten products of a step: two forward and three backward for each side."""
    rows, columns = torch.randn(2, B, D), torch.randn(2, D, B)
    square = torch.randn(2, B, B)

    def products() -> None:
        for _ in range(steps):
            torch.bmm(rows, columns)
            torch.bmm(square, rows)
            torch.bmm(rows, columns)
            torch.bmm(square, rows)
            torch.bmm(square, rows)

    products()
    return median(products, repeats) / steps


def machine(threads: int) -> dict[str, object]:
    text = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    names = {line.split(":")[1].strip() for line in text.split("\n") if "model name" in line}
    return {
        "processor": ", ".join(names) or platform.processor(),
        "cores": os.cpu_count(),
        "threads": threads,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "kernels": fr.native.state(),
    }


def epoch_seconds(
    data,
    method: str,
    options: dict,
    epochs: int,
    device: str = "cpu",
    most: int = MOST_STEPS,
    longest: float = MOST_SECONDS,
) -> tuple[float, int]:
    """Median seconds of an epoch, sampling and updates included, and its steps."""
    settings = build_method(method, {"epochs": epochs + 3, **options})
    trainer = Trainer(settings.plan(data, device), settings)
    steps, trainer.steps = trainer.steps, min(trainer.steps, 5)
    trainer.settings = settings.replace(epochs=2)
    history = trainer.run().history  # a few steps, to see how many there is time for
    each = history[1]["seconds"] / trainer.steps
    trainer.steps = min(steps, most, max(int(longest / each), 5))
    trainer.settings = settings
    seconds = statistics.median(record["seconds"] for record in trainer.run().history[3:])
    rng = np.random.default_rng(0)
    once = median(lambda: trainer.plan.encoder.start_epoch(rng), 3)
    return once + (seconds - once) * steps / trainer.steps, steps


def measure(name: str, epochs: int) -> list[dict[str, object]]:
    split = fr.load(name, validation=0)
    data = split.train
    rows = []
    for method, options in VARIANTS:
        bottom = floor()
        seconds, steps = epoch_seconds(data, method, options, epochs)
        bottom = (bottom + floor()) / 2
        rows.append(
            {
                "what": f"{method} {' '.join(f'{k}={v}' for k, v in options.items())}".strip(),
                "epoch_seconds": seconds,
                "step_ms": 1e3 * seconds / steps,
                "floor_ms": 1e3 * bottom,
                "to_floor": seconds / steps / bottom,
            }
        )
        print(name, rows[-1]["what"], f"{seconds:.3g} s", file=sys.stderr, flush=True)
    rng = torch.Generator().manual_seed(0)
    tables = [torch.randn(n, D, generator=rng) for n in (data.n_users, data.n_items)]
    scorer, users = DotScorer(*tables), np.arange(data.n_users)
    top = median(lambda: top_k(scorer, users, 20, exclude=[data]), 5)
    full = median(lambda: evaluate(scorer, split.test, train=data), 5)
    rows.append({"what": "top-20 of all users", "epoch_seconds": top})
    rows.append({"what": "evaluation, all metrics", "epoch_seconds": full, "to_top_20": full / top})
    return [{"data": name, **row} for row in rows]


def starts() -> list[dict[str, object]]:
    """Time to import and to print help, beside the import of torch."""
    command = str(Path(sys.executable).parent / "fullrank")
    calls = {
        "import torch": [sys.executable, "-c", "import torch"],
        "import fullrank": [sys.executable, "-c", "import fullrank"],
        "fullrank --help": [command, "--help"],
    }
    took: dict[str, list[float]] = {what: [] for what in calls}
    for _ in range(6):
        for what, call in calls.items():
            took[what].append(median(lambda c=call: subprocess.run(c, capture_output=True), 1))
    torch_import = statistics.median(took["import torch"][1:])
    return [
        {"what": what, "seconds": statistics.median(s[1:]),
         "to_torch": statistics.median(s[1:]) / torch_import}
        for what, s in took.items()
    ]  # fmt: skip


def command_to_model(name: str, preset: str) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        call = [str(Path(sys.executable).parent / "fullrank"), "fit", name, "--preset", preset]
        began = time.perf_counter()
        subprocess.run([*call, "--seed", "0", "-o", folder], capture_output=True, check=True)
        seconds = time.perf_counter() - began
        metrics = dict(fr.Recommender.load(folder).evaluate(protocol="published"))
    return {"what": f"fit {name} --preset {preset}", "seconds": seconds, **metrics}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, default=Path("results/speed.json"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--data", nargs="*", default=["citeulike", "gowalla"])
    parser.add_argument("--fast", nargs="*", default=[], help="data sets to fit with preset fast")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    report: dict[str, object] = {"machine": machine(options.threads), "starts": starts()}
    rows = [row for name in options.data for row in measure(name, options.epochs)]
    report["steps"] = rows
    report["serving"] = serving.measure()
    report["fits"] = [command_to_model(name, "fast") for name in options.fast]
    report["peak_gib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    options.out.write_text(json.dumps(report, indent=1) + "\n")
    for row in [*report["starts"], *rows, *report["serving"], *report["fits"]]:  # type: ignore[misc]
        print(serving.shown(row))
    print(*serving.verdicts(report["serving"]), sep="\n")  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
