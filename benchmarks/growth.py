"""How time and memory grow from 10^4 to 10^7 users (a fifth as many items, 20 interactions each).

    python benchmarks/growth.py --out results/growth.json

Each size runs in a process of its own, a phase three times, a run of steps five times; medians
count. The exponent of a phase is the slope of log time over log size, of the whole phase for read,
split and sampling, of one step and of the evaluation of 10,000 users against the number of items
for the others.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl

DEGREE, B, D = 20, 256, 64
LINEAR = ("read", "split", "sampling")
STEPS, RUNS, THREADS = 4000, 3, 2
"""Enough steps that what a run sets up once does not show; 10^7 users have 800,000 an epoch."""


def made(n_users: int):
    """Interactions with DEGREE distinct items for each user, straight into CSR."""
    from fullrank import Interactions
    from fullrank.data import Ids

    rng = np.random.default_rng(0)
    n_items = n_users // 5
    items = np.empty((n_users, DEGREE), dtype=np.int32)
    part = n_items // DEGREE
    for column in range(DEGREE):  # one item of each twentieth: distinct, ascending
        items[:, column] = column * part + rng.integers(part, size=n_users, dtype=np.int32)
    ids = (Ids(pl.Series(np.arange(n))) for n in (n_users, n_items))
    return Interactions(*ids, np.arange(n_users + 1) * DEGREE, items.ravel())


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def measure(n_users: int, *, tables: bool) -> dict[str, float]:
    import torch
    from speed import median

    import fullrank as fr
    from fullrank.data import random_split
    from fullrank.data.sampling import PairSampler
    from fullrank.methods import build_method
    from fullrank.serving import DotScorer, top_k
    from fullrank.training import Trainer

    torch.set_num_threads(THREADS)
    figures: dict[str, float] = {"users": n_users, "interactions": n_users * DEGREE}
    data = made(n_users)
    if tables:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "data.parquet"
            data.to_frame().write_parquet(path)
            figures["read"] = median(lambda: fr.read(path), RUNS)
        figures["split"] = median(lambda: random_split(data, test=0.2, validation=0.1), RUNS)
    sampler, steps = PairSampler(data, "interactions", threads=THREADS), len(data) // B

    def draw() -> None:
        for _ in sampler.chunks(np.random.default_rng(0), steps, B):
            pass

    next(iter(sampler.chunks(np.random.default_rng(0), 1, B)))
    figures["sampling"] = median(draw, RUNS)
    figures["peak_gib_sampling"] = peak()
    settings = build_method("directspec+", {"dim": D, "batch_size": B})
    plan = settings.plan(data, "cpu")
    trainer = Trainer(plan, settings)
    trainer.steps = STEPS
    took = []
    for _ in range(5):
        trainer.progress.epoch = settings.epochs - 1
        trainer.run()
        took.append(trainer.progress.history[-1]["seconds"] / STEPS)
    figures["step"] = statistics.median(took)
    users = np.random.default_rng(1).integers(n_users, size=10_000)
    scorer = DotScorer(*plan.encoder.tables())
    figures["evaluation"] = median(lambda: top_k(scorer, users, 20, exclude=[data]), RUNS)
    figures["peak_gib"] = peak()
    return figures


def exponent(rows: list[dict[str, float]], phase: str) -> float:
    known = [row for row in rows if phase in row]
    size, took = (np.log([row[key] for row in known]) for key in ("users", phase))
    return float(np.polyfit(size, took, 1)[0])


def draw(rows: list[dict[str, float]], slopes: dict[str, float], path: Path) -> None:
    """Time against size, both logarithmic, one line a phase; and peak memory."""
    from fullrank.pictures import pyplot, save

    plt = pyplot()
    if plt is None:
        return
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6))
    for phase, slope in slopes.items():
        known = [row for row in rows if phase in row]
        took = [row[phase] for row in known]
        label = f"{phase}, exponent {slope:.2f}"
        axes[0].plot([row["users"] for row in known], took, marker="o", label=label)
    sizes = [row["users"] for row in rows]
    axes[1].plot(sizes, [row["peak_gib"] for row in rows], marker="o", label="whole run")
    sampling = [row["peak_gib_sampling"] for row in rows]
    axes[1].plot(sizes, sampling, marker="o", label="until an epoch is drawn")
    for axis, name in zip(axes, ("seconds", "peak memory, GiB"), strict=True):
        axis.set(xscale="log", yscale="log", xlabel="users", ylabel=name)
        bottom, top = axis.get_ylim()
        axis.set_ylim(bottom, top**1.5 / bottom**0.5)  # room for the legend above the lines
        axis.legend(frameon=False, fontsize=8, loc="upper left")
        axis.spines[["top", "right"]].set_visible(False)
    save(figure, path)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, default=Path("results/growth.json"))
    parser.add_argument("--users", type=int)
    parser.add_argument("--no-tables", action="store_true")
    parser.add_argument("--sizes", type=int, nargs="*", default=[10**4, 10**5, 10**6, 10**7])
    parser.add_argument("--largest-table", type=int, default=10**6)
    arguments = parser.parse_args()
    if arguments.users:
        print(json.dumps(measure(arguments.users, tables=not arguments.no_tables)))
        return
    rows = []
    for size in arguments.sizes:
        call = [sys.executable, __file__, "--users", str(size)]
        call += ["--no-tables"] if size > arguments.largest_table else []
        done = subprocess.run(call, capture_output=True, text=True, check=True)
        rows.append(json.loads(done.stdout))
        print("  ".join(f"{k} {v:.4g}" for k, v in rows[-1].items()), flush=True)
    slopes = {phase: exponent(rows, phase) for phase in (*LINEAR, "step", "evaluation")}
    print("exponents:", "  ".join(f"{phase} {slope:.3f}" for phase, slope in slopes.items()))
    print(f"step, largest to smallest: {rows[-1]['step'] / rows[0]['step']:.2f} x")
    arguments.out.write_text(json.dumps({"rows": rows, "exponents": slopes}, indent=1) + "\n")
    draw(rows, slopes, arguments.out.with_suffix(".png"))


if __name__ == "__main__":
    main()
