"""Many processes and threads need the kernels at once, and nothing is compiled yet.

``python tests/native/first_use.py --processes 12 --threads 8 --rounds 10`` prints one line, and
fails if a thread has no kernels, or other bits than the rest.
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
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np

from fullrank import native

Seen = list[tuple[str, str]]
"""State and hash of each thread."""


def one_round(processes: int, threads: int, folder: Path) -> tuple[Seen, str]:
    """What every thread of every process saw, with kernels in ``folder``; and standard error."""
    go = folder.with_name(f"{folder.name}.go")
    kept = os.environ.items()
    environment = {name: value for name, value in kept if name != "FULLRANK_NATIVE"}
    environment["FULLRANK_KERNELS"] = str(folder)
    command = [sys.executable, __file__, "--child", str(go), "--threads", str(threads)]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    children = [subprocess.Popen(command, env=environment, **pipes) for _ in range(processes)]
    try:
        for child in children:
            assert child.stdout.readline() == "ready\n", child.stderr.read()
        go.touch()
        results = [child.communicate(timeout=600) for child in children]
    finally:
        for child in children:
            child.kill()
    errors = "".join(error for _, error in results)
    assert not any(child.returncode for child in children), errors
    return [tuple(each) for out, _ in results for each in json.loads(out)], errors


def child(go: Path, threads: int) -> None:
    """Waits for the others, then needs the kernels in all threads at once."""
    barrier = Barrier(threads)

    def work(_: int) -> tuple[str, str]:
        barrier.wait()
        return native.state(), bits() if native.available() else ""

    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while not go.exists():
        time.sleep(0.001)
    with ThreadPoolExecutor(threads) as pool:
        json.dump(list(pool.map(work, range(threads))), sys.stdout)


def bits() -> str:
    """A hash of what the kernels make of two tables: three steps, then the best items."""
    rng = np.random.default_rng(0)
    tables = [rng.standard_normal((n, 32), dtype=np.float32) for n in (60, 40)]
    users, items = rng.integers(60, size=(3, 50)), rng.integers(40, size=(3, 50))
    steps = native.PairSteps((60, 40, 32), 50, 1, objective="log-positive")
    losses = steps.run(
        (native.ParameterTable(tables[0]), native.ParameterTable(tables[1])),
        native.OptimizerStep(lr=0.1),
        users,
        items,
    )
    best, scores, _ = native.top_k(tables[0], native.PackedItems(tables[1], 1), np.arange(60), 5, 1)
    digest = hashlib.sha256()
    for part in (*tables, losses, best, scores):
        digest.update(part.tobytes())
    return digest.hexdigest()[:16]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--processes", type=int, default=12)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child, options.threads)
        return
    seen, libraries, began = [], 0, time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(options.rounds):
            kernels = Path(folder) / str(number)
            seen += one_round(options.processes, options.threads, kernels)[0]
            libraries += len(list(kernels.rglob("*.so")))
    seconds = (time.monotonic() - began) / options.rounds
    good = sum(state.startswith("native") for state, _ in seen)
    hashes = {found for _, found in seen}
    sys.stdout.write(
        f"{options.rounds} rounds of {options.processes} processes with {options.threads} threads: "
        f"{good} of {len(seen)} native, {len(hashes)} kind of bits, {libraries} compiled, "
        f"{seconds:.1f} s a round\n"
    )
    sys.exit(good != len(seen) or len(hashes) != 1)


if __name__ == "__main__":
    main()
