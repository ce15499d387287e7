"""`fullrank serve` beside a plain FastAPI handler around implicit's `recommend`, under load.

    FULLRANK_DATA=../shared/data python benchmarks/service.py --out results/service.json

Both serve the same tables, for the same users, lists of 20 without what a user has; the load comes
from another process, on the same cores. The two take turns, round after round; figures are medians
over rounds. The peer runs in ``.venv-peers`` (``make bench-service`` builds it).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch

import fullrank as fr
from fullrank.serving import DotScorer
from fullrank.serving.fold_in import FoldIn

HERE = Path(__file__).parent
PEER = HERE.parent / ".venv-peers" / "bin" / "python"
D, K, PORT = 64, 20, 8765
USERS, ITEMS = 4_000, 1_000_000
ONE_BLAS = {"OPENBLAS_NUM_THREADS": "1"}
"""As implicit advises, which starts threads of its own; our kernels do too."""
BARS = {"generated": 5.0}
"""Times the peer's throughput that is asked of a table; 1.5 of the others."""


def of_data(name: str) -> fr.Recommender:
    """A model whose tables have the size of a data set; an epoch is enough for their time."""
    return fr.Recommender("bpr", dim=D, epochs=1, lr=1.0).fit(fr.load(name, validation=0).train)


def generated() -> fr.Recommender:
    """A model of random tables with a million items, and ten interactions of each user."""
    rng, generator = np.random.default_rng(0), torch.Generator().manual_seed(0)
    ids = fr.Ids.numbered(USERS, "u"), fr.Ids.numbered(ITEMS, "i")
    # Each item is somebody's, as every trained item is.
    items = np.concatenate([np.arange(ITEMS), rng.integers(ITEMS, size=10 * USERS)])
    users = np.concatenate([rng.integers(10, size=ITEMS), np.repeat(np.arange(USERS), 10)])
    model = fr.Recommender("bpr", dim=D)
    tables = [torch.randn(n, D, generator=generator) for n in (USERS, ITEMS)]
    parts = {"train": fr.Interactions.from_rows(*ids, users, items)}
    model._use(DotScorer(*tables), parts, FoldIn(torch.eye(D, dtype=torch.float64)))
    return model


def write(model: fr.Recommender, folder: Path) -> None:
    """What each of the two services reads."""
    model.save(folder / "model")
    scorer, train = model.scorer, model.train
    np.savez(
        folder / "tables.npz", users=scorer.user_table.numpy(), items=scorer.item_table.numpy()
    )
    sp.save_npz(folder / "seen.npz", sp.csr_matrix(train.csr().astype("float32")))
    ids = {
        "users": model.users.values.cast(str).to_list(),
        "items": model.items.values.cast(str).to_list(),
    }
    # Users of whom a list can be made: those of a million items above are the first ten.
    counted = [user for user, n in zip(ids["users"], train.user_degree, strict=True) if n < 10_000]
    (folder / "ids.json").write_text(json.dumps(ids))
    (folder / "asked.json").write_text(json.dumps({"users": counted}))


@contextmanager
def running(command: list[str]) -> Iterator[None]:
    """A service, from the moment that it answers."""
    process = subprocess.Popen(command, env=os.environ | ONE_BLAS, stdout=subprocess.DEVNULL)
    try:
        for _ in range(600):
            time.sleep(0.2)
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{PORT}/readyz", timeout=2)
                break
            except OSError:
                assert process.poll() is None, command
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def loaded(folder: Path, connections: int, seconds: float) -> dict[str, Any]:
    """Figures of the service that runs, after a second to warm."""
    command = [sys.executable, str(HERE / "service_load.py"), str(PORT), str(connections)]
    tail = [str(K), str(folder / "asked.json")]
    subprocess.run([*command, "1", *tail], check=True, capture_output=True)
    done = subprocess.run([*command, str(seconds), *tail], check=True, capture_output=True)
    figures: dict[str, Any] = json.loads(done.stdout)
    assert figures["failed"] == 0, figures
    return figures


def compared(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    """The median figures of each service on the tables of a folder."""
    port = str(PORT)
    ours = [sys.executable, "-m", "fullrank", "serve", str(folder / "model"), "--port", port]
    commands = {
        "fullrank": [*ours, "--no-access-log", "--workers", str(given.workers)],
        "fastapi + implicit": [
            str(given.peer),
            str(HERE / "service_fastapi.py"),
            str(folder),
            port,
        ],
    }
    rounds: dict[str, list[dict[str, Any]]] = {name: [] for name in commands}
    for _ in range(given.rounds):
        for name, command in commands.items():
            with running(command):
                rounds[name].append(loaded(folder, given.connections, given.seconds))
    return {
        name: {key: statistics.median(each[key] for each in own) for key in own[0]}
        for name, own in rounds.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--data", nargs="+", default=["ml-100k", "gowalla", "generated"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--peer", type=Path, default=PEER, help="Python of the peer.")
    given = parser.parse_args()
    results: dict[str, Any] = {}
    for name in given.data:
        with tempfile.TemporaryDirectory() as home:
            write(generated() if name == "generated" else of_data(name), Path(home))
            found = compared(Path(home), given)
        ours, peer = found.values()
        found["times"] = ours["requests_a_second"] / peer["requests_a_second"]
        found["bar"] = BARS.get(name, 1.5)
        results[name] = found
        print(json.dumps({name: found}, indent=1), flush=True)
    if given.out:
        how = {"k": K, "dim": D, "connections": given.connections, "workers": given.workers,
               "rounds": given.rounds, "seconds": given.seconds, "cores": os.cpu_count(),
               "machine": platform.processor() or platform.machine()}  # fmt: skip
        given.out.write_text(json.dumps({"how": how, "results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
