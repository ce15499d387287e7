"""A table that is longer than the memory it is inspected in."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

ROWS, WIDTH = 1_500_000, 64
CODE = """
import contextlib, io, json, resource, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from fullrank.cli import inspect
from fullrank.diagnosis.formats import read_tables

def run(path):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        inspect.run(Path(path), as_json=True)
    return json.loads(out.getvalue())["tables"][0]["rows"], peak()

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

_, before = run(sys.argv[1])
rows, after = run(sys.argv[2])
print(json.dumps([rows, after - before]))
"""


@pytest.mark.slow
@pytest.mark.posix
@pytest.mark.parametrize("suffix", [".npy", ".fvecs"])
def test_a_long_table_takes_little_more_memory_than_a_short_one(tmp_path, suffix):
    """Of 384 MB of rows it keeps a permutation and a hash of each, twice while it sorts them."""
    paths = [tmp_path / f"{name}{suffix}" for name in ("short", "long")]
    for path, rows in zip(paths, (70_000, ROWS), strict=True):
        with path.open("wb") as file:
            if suffix == ".npy":
                header = {"descr": "<f4", "fortran_order": False, "shape": (rows, WIDTH)}
                np.lib.format.write_array_header_1_0(file, header)
                file.truncate(file.tell() + 4 * rows * WIDTH)  # a hole, which reads as zeros
            else:
                row = np.full(1, WIDTH, "<i4").tobytes() + bytes(4 * WIDTH)
                for _ in range(rows // 10_000):
                    file.write(row * 10_000)
    done = subprocess.run(
        [sys.executable, "-c", CODE, *map(str, paths)], capture_output=True, text=True, check=True
    )
    rows, added = json.loads(done.stdout)
    assert rows == ROWS
    assert added < 4 * ROWS * WIDTH / 2
