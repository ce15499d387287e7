"""Kills a worker at random moments of a fit, and compares its tables with those of a quiet one.

    python tests/scale/kills.py --kills 10 --out results/scale_kills.json

Both runs keep a checkpoint after each epoch. A kill (SIGKILL, of either worker) comes after a
random time from when the workers have started: while they join, load, train, evaluate or write.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

import torch

import fullrank as fr
from fullrank.data import generate, random_split
from fullrank.scale import fit
from fullrank.training import Silent

SETTINGS = {
    "directspec+": {"lr": 5.0, "alpha": 0.7, "tau": 4.0},
    "bpr": {"lr": 0.01, "optimizer": "adam"},
}


class Killer(Silent):
    """Kills a worker after a random time from when they start, so many times.

    Args:
        kills: How many times.
        within: Seconds within which it kills.
        seed: Of its choices.
    """

    def __init__(self, kills: int, within: float, seed: int) -> None:
        self.left, self.within = kills, within
        self.random = random.Random(seed)
        self.moments: list[str] = []
        self.now = "starting"

    def started(self, pids) -> None:
        """The workers have started."""
        self.now = "starting"
        if self.left:
            delay = self.random.uniform(0, self.within)
            timer = threading.Timer(delay, self.kill, [self.random.choice(list(pids))])
            timer.daemon = True
            timer.start()

    def kill(self, pid: int) -> None:
        """Kills it, if the run has not ended by itself."""
        if not self.left:
            return
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self.left -= 1
        self.moments.append(self.now)

    def start(self, epochs, steps, history) -> None:
        """Training begins."""
        self.now = f"after epoch {len(history)}"

    def epoch(self, record) -> None:
        """An epoch is done."""
        self.now = f"after epoch {record['epoch']}"


def main() -> None:
    """Runs both and writes what became of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--within", type=float, default=12.0)
    parser.add_argument("--method", default="directspec+", choices=sorted(SETTINGS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    split = random_split(generate(2000, 1000, 60_000, seed=1), test=0.2, validation=0.1, seed=0)
    values = {"epochs": given.epochs, "batch_size": 256, "dim": 32, "patience": 10**6}
    values |= {"checkpoint_every": 1, "validate_every": 5, **SETTINGS[given.method]}

    def fitted(folder: str, **how) -> tuple[fr.Recommender, float]:
        began = time.perf_counter()
        model = fr.Recommender(given.method, threads=1, device="cpu", **values)
        fit(
            model, split, workers=2, checkpoint=Path(folder) / "state", note=sys.stdout.write, **how
        )
        return model, time.perf_counter() - began

    with tempfile.TemporaryDirectory() as folder:
        quiet, quiet_seconds = fitted(folder + "/quiet")
        killer = Killer(given.kills, given.within, given.seed)
        killed, seconds = fitted(folder + "/killed", reporter=killer, started=killer.started)
    same = all(
        torch.equal(getattr(quiet, side), getattr(killed, side))
        for side in ("user_embeddings", "item_embeddings")
    )
    found = {
        "method": given.method,
        "workers": 2,
        "epochs": given.epochs,
        "kills": len(killer.moments),
        "moments": killer.moments,
        "same_bits": same,
        "seconds": seconds,
        "seconds_quiet": quiet_seconds,
    }
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    if given.out:
        known = json.loads(given.out.read_text()) if given.out.exists() else {}
        given.out.write_text(json.dumps(known | {given.method: found}, indent=2) + "\n")
    if not same or len(killer.moments) < given.kills:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
