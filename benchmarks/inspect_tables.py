"""Peak memory and time of ``fullrank inspect`` on long tables that do not fit in memory.

    python benchmarks/inspect_tables.py --rows 50000 200000 --out results/inspect.json
    python benchmarks/inspect_tables.py --rows 10000000 --sparse 50

The second is the table of 10^7 x 1024: 41 GB as float32. With ``--sparse 50`` one block of rows in
fifty is written and the others are holes of the file, which read as rows of zeros and take no disk;
what the pass holds and computes is the same. Each size runs in a process of its own; what is
measured is added to the file.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

BLOCK = 4096
SEED = 0


def write(path: Path, rows: int, width: int, every: int) -> None:
    """Rows whose column variances fall as a power law, in .npy or .fvecs layout."""
    rng = np.random.default_rng(SEED)
    scale = (np.arange(1, width + 1) ** -0.5).astype(np.float32)
    with path.open("wb") as file:
        if path.suffix == ".npy":
            header = {"descr": "<f4", "fortran_order": False, "shape": (rows, width)}
            np.lib.format.write_array_header_1_0(file, header)
        begin, step = file.tell(), 4 * (width + (path.suffix == ".fvecs"))
        for at, first in enumerate(range(0, rows, BLOCK)):
            if at % every:
                continue
            count = min(BLOCK, rows - first)
            block = rng.standard_normal((count, width), dtype=np.float32) * scale
            if path.suffix == ".fvecs":
                widths = np.full((count, 1), width, dtype="<i4").view("<f4")
                block = np.hstack([widths, block])
            file.seek(begin + first * step)
            file.write(block.tobytes())
        file.truncate(begin + rows * step)


def measure(rows: int, width: int, every: int, suffix: str, folder: Path) -> dict[str, object]:
    """Runs the command in a child; its peak is that of the process as the system counts it."""
    path = folder / f"table{suffix}"
    write(path, rows, width, every)
    begun = time.perf_counter()
    call = [sys.executable, __file__, "--inspect", str(path)]
    done = subprocess.run(call, check=True, capture_output=True, text=True)
    seconds = time.perf_counter() - begun
    found = json.loads(done.stdout)
    path.unlink()
    return {
        "format": suffix,
        "rows": rows,
        "dimensions": width,
        "one_block_in": every,
        "file_gib": round(rows * width * 4 / 2**30, 2),
        "threads": found["threads"],
        "peak_mib": round(found["peak_kib"] / 2**10),
        "seconds": round(seconds, 1),
        "effective_rank": found["effective_rank"],
    }


def inspect(path: Path) -> dict[str, object]:
    """What the command does, in this process, and its peak."""
    import contextlib
    import io

    import torch

    from fullrank.cli import inspect as verb

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        verb.run(path, as_json=True)
    (table,) = json.loads(printed.getvalue())["tables"]
    return {
        "effective_rank": table["effective_rank"],
        "threads": torch.get_num_threads(),
        "peak_kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, nargs="+", default=[50_000, 200_000])
    parser.add_argument("--width", type=int, default=1024)
    parser.add_argument("--sparse", type=int, default=1)
    parser.add_argument("--suffix", default=".npy", choices=[".npy", ".fvecs"])
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--inspect", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inspect:
        print(json.dumps(inspect(arguments.inspect)))
        return
    found = []
    if arguments.sparse > 1 and arguments.suffix == ".fvecs":
        parser.error("--sparse needs .npy: each row of .fvecs begins with its width")
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        for rows in arguments.rows:
            size = (rows, arguments.width, arguments.sparse, arguments.suffix)
            found.append(measure(*size, Path(folder)))
            print(json.dumps(found[-1]), flush=True)
    if arguments.out:
        before = json.loads(arguments.out.read_text())["runs"] if arguments.out.exists() else []
        document = {"cpus": os.cpu_count(), "runs": before + found}
        arguments.out.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
