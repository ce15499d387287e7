"""Twenty million generated interactions: time per interaction and peak memory, beside CiteULike.

    FULLRANK_DATA=../shared/data python benchmarks/large.py --out results/large.json

Each size runs in a process of its own, so that the peak memory is its own. The interactions of both
are written to Parquet first; reading, splitting, sampling an epoch and training one are timed.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPEATS = 5


def write_table(size: str, path: Path) -> None:
    import fullrank as fr

    if size == "citeulike":
        data = fr.load("citeulike", validation=0).train
        frame = data.to_frame().with_columns(
            user_id=data.users.raw(data.user_idx).cast(int),
            item_id=data.items.raw(data.item_idx).cast(int),
        )
    else:
        data = fr.generate(1_000_000, 200_000, 20_000_000, titles=False, string_ids=False)
        frame = data.to_frame()
    frame.sample(fraction=1.0, shuffle=True, seed=0).write_parquet(path)


def timed(work, repeats: int):
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - began)
    return result, statistics.median(seconds)


def measure(path: Path, repeats: int) -> dict[str, float]:
    import numpy as np
    import torch

    import fullrank as fr
    from fullrank.data import random_split
    from fullrank.data.sampling import PairSampler

    torch.set_num_threads(2)
    own = {}
    if path.stem == "citeulike":
        whole, seconds = timed(lambda: fr.load("citeulike", validation=0), repeats)
        own["own_csv_read_us_per_interaction"] = (
            seconds * 1e6 / (len(whole.train) + len(whole.test))
        )
    data, read = timed(lambda: fr.read(path), repeats)
    n = len(data) + data.merged
    parts, split = timed(lambda: random_split(data, test=0.2, validation=0.1), repeats)
    train = parts.train

    sampler = PairSampler(train, "interactions")
    steps = len(train) // 256

    def sample() -> int:
        return sum(1 for _ in sampler.chunks(np.random.default_rng(0), steps, 256))

    _, first = timed(sample, 1)
    _, sampling = timed(sample, max(repeats, 3))
    model = fr.Recommender("directspec+", epochs=1, threads=2)
    began = time.perf_counter()
    model.fit(train)
    fit = time.perf_counter() - began
    return {
        **own,
        "interactions": n,
        "users": train.n_users,
        "items": train.n_items,
        "read_s": read,
        "split_s": split,
        "sampling_s": sampling,
        "sampling_preparation_s": first - sampling,  # once for a run
        "epoch_s": model.training["history"][0]["seconds"],
        "fit_s": fit,
        "read_us_per_interaction": 1e6 * read / n,
        "split_us_per_interaction": 1e6 * split / n,
        "sampling_us_per_interaction": 1e6 * sampling / len(train),
        "epoch_us_per_interaction": 1e6 * model.training["history"][0]["seconds"] / len(train),
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path)
    parser.add_argument("--measure", type=Path)
    parser.add_argument("--repeats", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(arguments.measure, arguments.repeats)))
        return
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        for size, repeats in (("citeulike", REPEATS), ("generated", 1)):
            path = Path(folder) / f"{size}.parquet"
            write_table(size, path)
            command = [sys.executable, __file__, "--measure", path, "--repeats", str(repeats)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            figures[size] = json.loads(done.stdout)
            print(size, json.dumps(figures[size], indent=2), flush=True)
    small, large = figures["citeulike"], figures["generated"]
    for phase in ("read", "split", "sampling", "epoch"):
        key = f"{phase}_us_per_interaction"
        figures[f"{phase}_ratio"] = large[key] / small[key]
        print(f"{phase}: {figures[f'{phase}_ratio']:.2f} x CiteULike per interaction")
    own = small["own_csv_read_us_per_interaction"]
    figures["read_ratio_to_own_csv"] = large["read_us_per_interaction"] / own
    print(f"read: {figures['read_ratio_to_own_csv']:.2f} x CiteULike from its own CSV files")
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
