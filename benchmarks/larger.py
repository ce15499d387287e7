"""Generated tables up to 2 x 10^8 rows, from Parquet files to lists: time and peak memory of each.

    python benchmarks/larger.py --rows 20000000 200000000 --out results/larger.json

A table has a twentieth as many users as rows, and a fifth as many items as users, both in
proportion to powers of their ranks. Its files are written in pieces and are not counted. One
process prepares a store of them, another trains two epochs, evaluates and scores from the store;
the peak of each is its own, with those of its children. Beside seconds stand those of processors:
on a machine with other work they alone compare sizes.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROWS_A_USER, USERS_AN_ITEM = 20, 5
FILE = 5_000_000
"""Rows of a file."""
EVALUATED, SCORED, K = 10_000, 100_000, 20
EPOCHS, THREADS = 2, 1
PHASES = ("prepare", "open", "fit", "evaluate", "score")


def write_table(folder: Path, rows: int) -> float:
    """Writes the files; GiB on disk."""
    import numpy as np
    import polars as pl

    folder.mkdir(parents=True)
    users, items = rows // ROWS_A_USER, rows // ROWS_A_USER // USERS_AN_ITEM
    for number, start in enumerate(range(0, rows, FILE)):
        n = min(FILE, rows - start)
        rng = np.random.default_rng([rows, number])
        # Of rank r a user has a share in proportion to r^(-1/3), an item one to r^(-2/3).
        table = {"user_id": rng.random(n) ** 1.5 * users, "item_id": rng.random(n) ** 3 * items}
        frame = pl.DataFrame({name: each.astype(np.int64) for name, each in table.items()})
        frame.write_parquet(folder / f"part-{number:04}.parquet")
    return sum(path.stat().st_size for path in folder.iterdir()) / 2**30


class Watch:
    """Seconds by the clock and of processors, those of children too, since the last lap."""

    def __init__(self) -> None:
        self._last = self._now()

    def lap(self, phase: str) -> dict[str, float]:
        before, self._last = self._last, self._now()
        clock, cpu = (now - then for now, then in zip(self._last, before, strict=True))
        took = {f"{phase}_s": clock, f"{phase}_cpu_s": cpu}
        print(json.dumps(took), file=sys.stderr, flush=True)
        return took

    def _now(self) -> tuple[float, float]:
        used = os.times()
        return time.perf_counter(), sum(used[:4])


def prepare(source: Path, store: Path) -> dict[str, float]:
    from fullrank.data.store import prepare

    watch = Watch()
    made = prepare(source, store)
    took = watch.lap("prepare")
    disk = sum(path.stat().st_size for path in store.rglob("*") if path.is_file()) / 2**30
    manifest = made.manifest
    sizes = {name: manifest[name] for name in ("rows", "pairs", "users", "items")}
    return {**sizes, "train_pairs": made.pairs("train"), "store_gib": disk, **took}


def train(store: Path) -> dict[str, float]:
    import torch

    import fullrank as fr
    from fullrank.data.store import Store

    torch.set_num_threads(THREADS)
    watch = Watch()
    opened = Store.open(store)
    data, test = opened.interactions("train"), opened.interactions("test", users=EVALUATED)
    figures = watch.lap("open")
    model = fr.Recommender("directspec+", epochs=EPOCHS, threads=THREADS).fit(data)
    figures |= watch.lap("fit")
    found = model.evaluate(test, k=K)
    figures |= watch.lap("evaluate")
    lists = model.recommend(data.users.values[:SCORED], k=K)
    lists.write_parquet(store / "lists.parquet")
    figures |= watch.lap("score")
    users = min(SCORED, data.n_users)
    if lists["user_id"].n_unique() != users or len(lists) != users * K:
        raise RuntimeError(f"{len(lists)} rows of lists")
    epochs = [each["seconds"] for each in model.training["history"]]
    return {
        **figures,
        "epoch_s": epochs[-1],
        "users_evaluated": len(found.users),
        "users_scored": users,
        f"ndcg@{K}": found[f"ndcg@{K}"],
        "engine": model.training["engine"]["name"],
    }


def child(step: str, *paths: Path) -> tuple[dict[str, float], float]:
    """The figures of a step in a process of its own, and its peak in GiB."""
    command = [sys.executable, __file__, "--step", step, *map(str, paths)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        said = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{step} ended with {process.returncode}")
    return json.loads(said.splitlines()[-1]), used.ru_maxrss / 2**20


def measure(rows: int, home: Path) -> dict[str, float]:
    began = time.perf_counter()
    figures = {"asked_rows": rows, "source_gib": write_table(home / "source", rows)}
    print(f"{rows:,} rows written in {time.perf_counter() - began:.0f} s", flush=True)
    made, peak = child("prepare", home / "source", home / "store")
    figures |= {**made, "prepare_peak_gib": peak}
    print(json.dumps(figures), flush=True)
    shutil.rmtree(home / "source")
    trained, peak = child("train", home / "store")
    figures |= {**trained, "train_peak_gib": peak, "threads": THREADS}
    for kind in ("s", "cpu_s"):
        figures[f"whole_{kind}"] = sum(figures[f"{phase}_{kind}"] for phase in PHASES)
    figures["cpu_us_per_interaction"] = 1e6 * figures["whole_cpu_s"] / figures["rows"]
    print(json.dumps(figures), flush=True)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[20_000_000, 200_000_000])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--home", type=Path, help="folder with room for the largest table")
    parser.add_argument("--step", nargs="+", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.step:
        step, *paths = asked.step
        work = {"prepare": prepare, "train": train}[step]
        print(json.dumps(work(*map(Path, paths))))
        return
    known = json.loads(asked.out.read_text()) if asked.out and asked.out.exists() else {"sizes": []}
    for rows in asked.rows:
        with tempfile.TemporaryDirectory(prefix="fullrank-", dir=asked.home) as home:
            found = measure(rows, Path(home))
        sizes = [each for each in known["sizes"] if each["asked_rows"] != rows]
        known["sizes"] = sorted([*sizes, found], key=lambda each: each["asked_rows"])
        if asked.out:
            asked.out.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
