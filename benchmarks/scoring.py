"""``recommend --all`` of a million users: one file by one process, against a folder by workers.

    python benchmarks/scoring.py --out results/scoring.json

Tables are drawn at random, with five interactions a user to leave out. Each run is the command as a
user gives it, in a process of its own that loads the model (and starts Ray). The rows of each are
hashed in their order, column by column, whatever files they lie in: equal hashes are equal bits.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

DIM, K, EACH = 64, 20, 5
SECONDS = 3600


def save_model(folder: Path, users: int, items: int) -> None:
    import numpy as np
    import torch

    from fullrank import Recommender
    from fullrank.data import Ids, Interactions
    from fullrank.serving.fold_in import FoldIn
    from fullrank.serving.scorers import DotScorer

    rng = np.random.default_rng(0)
    ids = Ids.numbered(users, "u"), Ids.numbered(items, "i")
    user = np.repeat(np.arange(users), EACH)
    pairs = Interactions.from_rows(*ids, user, rng.integers(0, items, len(user)))
    tables = [
        torch.from_numpy(rng.standard_normal((n, DIM), dtype=np.float32)) for n in (users, items)
    ]
    model = Recommender("bpr", dim=DIM)
    model._use(DotScorer(*tables), {"train": pairs}, FoldIn())
    model.save(folder)


def rows_of(paths: list[Path]) -> tuple[int, str]:
    """How many rows files have one after another, and a hash of them."""
    import polars as pl

    count, sums = 0, {}
    for path in paths:
        for frame in pl.read_parquet(path, glob=False).iter_slices(1_000_000):
            count += len(frame)
            for column in frame:
                text = column.dtype == pl.String
                content = "\n".join([*column, ""]).encode() if text else column.to_numpy().tobytes()
                sums.setdefault(f"{column.name} {column.dtype}", hashlib.sha256()).update(content)
    named = [(name, each.hexdigest()) for name, each in sums.items()]
    return count, hashlib.sha256(repr(named).encode()).hexdigest()


def run(model: Path, home: Path, workers: int) -> dict[str, Any]:
    """A run by so many workers; one file by one process where there are none."""
    out = home / ("plain.parquet" if not workers else f"lists-{workers}")
    command = [sys.executable, "-m", "fullrank", "recommend", str(model), "--all", "-k", str(K)]
    command += ["-o", str(out), *(["--workers", str(workers)] if workers else [])]
    load, began = os.getloadavg()[0], time.perf_counter()
    subprocess.run(command, check=True, timeout=SECONDS, stdout=sys.stderr)
    seconds = time.perf_counter() - began
    rows, digest = rows_of(sorted(out.glob("part-*.parquet")) if workers else [out])
    found = {"workers": workers, "seconds": seconds, "rows": rows, "sha256": digest}
    return found | {"load_before": load, "load_after": os.getloadavg()[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--home", type=Path, help="A folder to work in; what is there is kept.")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fullrank-", dir=asked.home) as name:
        model = (asked.home or Path(name)) / f"model-{asked.users}-{asked.items}"
        if not model.is_dir():
            save_model(model, asked.users, asked.items)
        runs = []
        for workers in (0, *asked.workers, 0):  # twice: the machine may not be quiet
            runs.append(run(model, Path(name), workers))
            sys.stderr.write(json.dumps(runs[-1]) + "\n")
    found = {"users": asked.users, "items": asked.items, "dim": DIM, "k": K}
    found |= {"cores": os.cpu_count(), "nice": os.nice(0), "runs": runs}
    asked.out.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
