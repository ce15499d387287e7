"""Exact and factored propagation: accuracy over epochs and over time, the rank swept.

    python experiments/factored.py --data citeulike --out results/factored_citeulike.json

DirectSpec+ on LightGCN with three layers. The curves are of the test part (protocol `standard`):
they compare two ways to compute the same method, and nothing is chosen by them.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path

import torch

import fullrank as fr
from fullrank.evaluation import evaluate
from fullrank.methods import build_method
from fullrank.pictures import ACCENT, INK, SOFT, pyplot, save
from fullrank.serving import DotScorer
from fullrank.training import Trainer

SETTINGS = {
    "citeulike": {"alpha": 1.0, "tau": 3.0, "shrink": 0.03, "lr": 1000.0},
    "gowalla": {"alpha": 0.7, "tau": 4.0, "shrink": 0.02, "lr": 1000.0},
}
EPOCHS = {"citeulike": (20, 60), "gowalla": (3, 20)}
RANKS = (64, 128, 256, 512)


def curve(split: fr.Split, values: dict, epochs: int, every: int) -> dict:
    """Standard nDCG@20 after some epochs, and the seconds of setting up and training until then."""
    began = time.perf_counter()
    settings = build_method("directspec+", {**values, "encoder": "lightgcn", "epochs": epochs})
    plan = settings.plan(split.train, "cpu")
    trainer = Trainer(plan, settings)
    spent = time.perf_counter() - began
    made = {"setup": spent, "epoch": [], "seconds": [], "ndcg@20": [], "settings": values}
    for epoch in range(epochs):
        began = time.perf_counter()
        trainer.settings = settings.replace(epochs=epoch + 1)
        trainer.run()
        spent += time.perf_counter() - began
        if (epoch + 1) % every == 0:
            scorer = DotScorer(*plan.encoder.tables())
            result = evaluate(scorer, split.test, train=split.train, k=20, metrics=("ndcg",))
            made["epoch"].append(epoch + 1)
            made["seconds"].append(round(spent, 3))
            made["ndcg@20"].append(result["ndcg@20"])
    print(f"  {made['seconds'][-1]:.1f} s, {made['ndcg@20'][-1]:.4f}", flush=True)
    return made


def draw(curves: dict[str, dict], title: str, path: Path) -> None:
    plt = pyplot()
    if plt is None:
        return
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True)
    shades = plt.get_cmap("viridis")
    for at, (name, made) in enumerate(curves.items()):
        colour = ACCENT if name == "exact" else shades(at / len(curves))
        axes[0].plot(made["epoch"], made["ndcg@20"], color=colour, label=name, lw=1.6)
        axes[1].plot(made["seconds"], made["ndcg@20"], color=colour, label=name, lw=1.6)
    axes[0].set(xlabel="epochs", ylabel="standard ndcg@20")
    axes[1].set(xlabel="seconds, setting up included", xscale="log")
    axes[1].legend(frameon=False, fontsize=8)
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(colors=INK)
        axis.grid(color=SOFT, alpha=0.25)
    figure.suptitle(title, fontsize=10, color=INK)
    save(figure, path)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", default="citeulike")
    parser.add_argument("--lr", type=float)
    parser.add_argument("--exact-epochs", type=int)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--ranks", type=int, nargs="*", default=RANKS)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(arguments.threads)
    split = fr.load(arguments.data, validation=0)
    values = dict(SETTINGS[arguments.data])
    if arguments.lr:
        values["lr"] = arguments.lr
    exact, factored = EPOCHS[arguments.data]
    runs = {f"rank {rank}": {"propagation": "factored", "rank": rank} for rank in arguments.ranks}
    curves: dict[str, dict] = {}
    for name, more in (runs | {"exact": {}}).items():
        print(name, flush=True)
        epochs = (arguments.epochs or factored) if more else (arguments.exact_epochs or exact)
        curves[name] = curve(split, values | more, epochs, arguments.every)
        arguments.out.write_text(json.dumps(curves) + "\n")
        title = f"DirectSpec+ on LightGCN, {arguments.data}"
        draw(curves, title, arguments.out.with_suffix(".png"))


if __name__ == "__main__":
    main()
