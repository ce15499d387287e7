"""Epochs and ranking of RecBole, implicit and irspack beside ours, in turn, on citeulike.

The ranking of all users is timed on gowalla too. Least squares in turn (`ials`) differ in what a
sweep does: of them it is timed how long they take to .99 of the validation nDCG@20 that they end
with (``--only ials`` for that alone).

    FULLRANK_DATA=../shared/data python benchmarks/peers.py --out results/peers.json

Peers run in ``.venv-peers``, irspack, which wants another NumPy, in ``.venv-irspack`` (``make
bench-peers`` builds both). Every round runs ours and theirs one after the other, each in a process
of its own with the same number of threads; figures are medians over rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
THEIRS = HERE.parent / ".venv-peers" / "bin" / "python"
IRSPACK = HERE.parent / ".venv-irspack" / "bin" / "python"
QUICK = ["BPR:2048", "BPR:8192", "SimpleX:2048", "ENMF:2048"]
SLOW = ["LightGCN:2048", "SGL:2048"]
OURS = [
    ("directspec+", {}),
    ("directspec+", {"tau_design": "graph", "tau_near": 2.5}),
    ("bpr", {"batch_size": 2048}),
    ("bpr", {"batch_size": 256}),
    ("lightgcn", {"batch_size": 2048, "layers": 2}),
    ("sgl-ed", {"batch_size": 2048, "contrast_with": "all"}),
    ("sgl-ed", {"batch_size": 2048}),
    ("enmf", {"batch_size": 2048}),
    ("ccl", {"batch_size": 2048, "negatives": 1}),
    ("ccl", {"batch_size": 2048, "negatives": 1000, "shared_negatives": True}),
]


def write_split(folder: Path) -> None:
    import polars as pl
    import scipy.sparse as sp

    import fullrank as fr

    data = fr.load("citeulike", validation=0).train
    frame = pl.DataFrame({"user_id:token": data.user_idx, "item_id:token": data.item_idx})
    home = folder / "citeulike"
    home.mkdir()
    frame.write_csv(home / "citeulike.train.inter", separator="\t")
    for part in ("valid", "test"):
        frame.sample(1000, seed=0).write_csv(home / f"citeulike.{part}.inter", separator="\t")
    gowalla = fr.load("gowalla", validation=0).train
    for name, each in (("train", data), ("gowalla", gowalla)):
        sp.save_npz(folder / f"{name}.npz", sp.csr_matrix(each.csr().astype("float32")))
    split = fr.load("citeulike")
    for name, each in (("train", split.train), ("validation", split.validation)):
        sp.save_npz(folder / f"reach-{name}.npz", sp.csr_matrix(each.csr().astype("float32")))


def ours_reaching(folder: str, threads: int) -> dict[str, float]:
    import torch
    from reaching import CONFIDENCE, DIMS, PENALTY, seconds_to_reach

    import fullrank as fr
    from fullrank.methods import build_method
    from fullrank.methods.closed_form.sweeps import Sweeps

    torch.set_num_threads(threads)
    loss = {"confidence": CONFIDENCE, "regularization": PENALTY, "exponent": 0.0}

    def begin(dim: int, matrix: Any) -> Sweeps:
        data = fr.Interactions.from_scipy(matrix)
        method = build_method("ials", {**loss, "dim": dim})
        return Sweeps(data, method.loss(data), method.first_items(data.n_items), dim)

    fr.native.available()  # compiled before the clock runs
    return {
        f"fullrank ials dim={dim} to .99": seconds_to_reach(
            folder, partial(begin, dim), lambda made: made.run(PENALTY), lambda made: made.tables()
        )
        for dim in DIMS
    }


def ours(threads: int) -> dict[str, float]:
    import torch
    from speed import median

    import fullrank as fr
    from fullrank.methods import build_method
    from fullrank.serving import DotScorer
    from fullrank.training import Trainer

    torch.set_num_threads(threads)
    data = fr.load("citeulike", validation=0).train
    figures = {}
    for method, options in OURS:
        epochs = 2 if method == "sgl-ed" else 4
        settings = build_method(method, {"epochs": epochs, **options})
        history = Trainer(settings.plan(data, "cpu"), settings).run().history
        name = " ".join([f"fullrank {method}", *(f"{k}={v}" for k, v in options.items())])
        figures[name] = statistics.median(record["seconds"] for record in history[1:])
    rng = torch.Generator().manual_seed(0)
    gowalla = fr.load("gowalla", validation=0).train
    for name, each in (("fullrank top-20", data), ("fullrank top-20, gowalla", gowalla)):
        tables = [torch.randn(n, 64, generator=rng) for n in (each.n_users, each.n_items)]
        figures[name] = median(partial(_rank, DotScorer(*tables), each), 5)
    return figures


def _rank(scorer: Any, data: Any) -> None:
    from fullrank.serving import top_k

    top_k(scorer, np.arange(data.n_users), 20, exclude=[data])


def run(command: list[str], threads: int) -> dict[str, float]:
    pinned = {f"{name}_NUM_THREADS": str(threads) for name in ("OMP", "MKL", "OPENBLAS")}
    done = subprocess.run(
        command, env=os.environ | pinned, capture_output=True, text=True, check=False
    )
    lines = [line for line in done.stdout.split("\n") if line.startswith("figures ")]
    if not lines:
        print(" ".join(command), "failed:", done.stderr.strip().split("\n")[-1], flush=True)
        return {}
    figures: dict[str, float] = json.loads(lines[-1].removeprefix("figures "))
    return figures


def calls_of(folder: str, arguments: argparse.Namespace, turn: int) -> list[list[str]]:
    """What runs in a round, one after the other."""
    threads, peers = str(arguments.threads), str(arguments.peers)
    only = ["--only", arguments.only] if arguments.only else []
    calls = [[sys.executable, __file__, "--ours", folder, "--threads", threads, *only]]
    models = [] if only else QUICK + (SLOW if turn == 0 else [])  # minutes an epoch: once
    calls += [[peers, str(HERE / "peers_recbole.py"), folder, m, threads] for m in models]
    calls.append([peers, str(HERE / "peers_implicit.py"), folder, threads, *only[1:]])
    for solver in ("CG", "IALSPP"):
        irspack = [str(arguments.irspack), str(HERE / "peers_irspack.py")]
        calls.append([*irspack, folder, threads, solver])
    return calls


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, default=Path("results/peers.json"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ours", metavar="FOLDER", help="what is run in turn, for itself")
    parser.add_argument("--only", choices=["ials"])
    parser.add_argument("--peers", type=Path, default=THEIRS, help="the peers' interpreter")
    parser.add_argument("--irspack", type=Path, default=IRSPACK, help="irspack's")
    arguments = parser.parse_args()
    if arguments.ours:
        figures = {} if arguments.only else ours(arguments.threads)
        figures |= ours_reaching(arguments.ours, arguments.threads)
        print("figures " + json.dumps(figures))
        return
    seconds: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as name:
        write_split(Path(name))
        for turn in range(arguments.rounds):
            for call in calls_of(name, arguments, turn):
                for what, took in run(call, arguments.threads).items():
                    seconds[what].append(took)
                    print(f"round {turn + 1}  {what:55} {took:9.4f} s", flush=True)
    figures = {what: statistics.median(each) for what, each in seconds.items()}
    base = figures.get("fullrank directspec+")
    for what, took in sorted(figures.items(), key=lambda pair: pair[1]):
        print(f"{what:55} {took:9.4f} s  {took / base if base else float('nan'):8.2f} x")
    report = {"threads": arguments.threads, "seconds": figures, "runs": seconds}
    arguments.out.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
