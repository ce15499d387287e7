"""A hive-partitioned folder of twenty million rows: how long reading takes, and its peak memory.

    python benchmarks/partitions.py --out results/partitions.json

Rows are generated a day at a time, with ids as text, of two days in three as many small files, the
third as one; with three columns that nobody needs. One process writes them and another reads them,
so that the peak memory is that of reading; a child of that one looks through the files first.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DAYS, ROWS = 100, 200_000
USERS, ITEMS = 1_000_000, 200_000


def write_folder(folder: Path, days: int, rows: int) -> None:
    import numpy as np
    import polars as pl

    rng = np.random.default_rng(0)
    for day in range(days):
        items = (rng.random(rows) ** 3 * ITEMS).astype(np.int64)
        frame = pl.DataFrame(
            {
                "user_id": "user-" + pl.Series(rng.integers(0, USERS, rows)).cast(pl.String),
                "item_id": "item-" + pl.Series(items).cast(pl.String),
                "price": rng.random(rows),
                "page": "https://shop.example/" + pl.Series(items).cast(pl.String),
                "session": rng.integers(0, 2**60, rows),
            }
        )
        home = folder / f"day={np.datetime64('2026-01-01') + day}"
        home.mkdir(parents=True)
        size = rows // 20 if day % 3 else rows
        for part, at in enumerate(range(0, rows, size)):
            frame[at : at + size].write_parquet(home / f"part-{part}.parquet")


def measure(folder: Path) -> dict[str, float]:
    import fullrank as fr

    began = time.perf_counter()
    data = fr.read(folder, columns=fr.Columns(timestamp="day"))
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    return {
        "rows": len(data) + data.merged,
        "pairs": len(data),
        "users": data.n_users,
        "items": data.n_items,
        "seconds": seconds,
        "peak_gib": peak,
        "peak_gib_of_the_child": child,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument("--rows", type=int, default=ROWS, help="of a day")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        print(json.dumps(measure(asked.measure)))
        return
    with tempfile.TemporaryDirectory(prefix="fullrank-") as home:
        folder = Path(home) / "orders"
        write_folder(folder, asked.days, asked.rows)
        files = list(folder.rglob("*.parquet"))
        command = [sys.executable, __file__, "--measure", str(folder)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        size = sum(path.stat().st_size for path in files) / 2**30
        found = {"files": len(files), "gib_on_disk": size, **json.loads(done.stdout)}
    print(json.dumps(found, indent=1))
    if asked.out:
        asked.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
