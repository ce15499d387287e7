"""Figures 2, 5, 7 and 8 (a): how the effective rank moves while each method trains.

    FULLRANK_DATA=../shared/data python experiments/collapse.py --out results/collapse.json
    ... --runs graph --data citeulike --out results/collapse_graph_citeulike.json

The rows that a method ranks with, d = 64. ``plain`` are methods on free rows, B = 256, pairs drawn
over interactions, learning rate 13. ``graph`` sets LightGCN and what should prevent its collapse
beside them, DirectSpec+ with its published settings. yelp-sparse has the paper's Yelp users and
items with a fifth of the interactions to train on. A method that the file has is passed over.
"""

from __future__ import annotations

import argparse
import json
import warnings
from itertools import pairwise
from pathlib import Path

import fullrank as fr
from fullrank.pictures import pyplot, save

SHARED = {"sampler": "interactions", "lr": 13.0, "batch_size": 256, "dim": 64}
AS_PUBLISHED = {"distinct": False, "systematic": False}
_GRAPH = {"encoder": "lightgcn", "layers": 3}
_ADAM = {"optimizer": "adam", "lr": 1e-3, "batch_size": 1024}
PLAIN = {
    "log-positive": ("log-positive", {"epochs": 30}),
    "euclidean-positive": ("euclidean-positive", {"epochs": 30, "lr": 1.0}),
    "bpr": ("bpr", {"epochs": 100}),
    "bce": ("bce", {"epochs": 100}),
    "directspec+": ("directspec+", {"epochs": 100, "alpha": 0.8, "tau": 3.0, **AS_PUBLISHED}),
}
GRAPH = {
    "log-positive": ("log-positive", {**_ADAM, "epochs": 30}),
    "log-positive, lightgcn": ("log-positive", {**_ADAM, **_GRAPH, "epochs": 30}),
    "bpr": ("bpr", {**_ADAM, "epochs": 40}),
    "lightgcn": ("lightgcn", {**_ADAM, **_GRAPH, "epochs": 40}),
    "dropedge": ("dropedge", {**_ADAM, **_GRAPH, "epochs": 40, "drop_edges": 0.5}),
    "dropedge, 0.2": ("dropedge", {**_ADAM, **_GRAPH, "epochs": 40, "drop_edges": 0.2}),
    "dropedge, 0.1": ("dropedge", {**_ADAM, **_GRAPH, "epochs": 40, "drop_edges": 0.1}),
    "lightgcl": ("lightgcl", {**_ADAM, **_GRAPH, "epochs": 40}),
    "logdet": ("logdet", {**_ADAM, **_GRAPH, "epochs": 40}),
    "directau": ("directau", {**_ADAM, "epochs": 40}),
    "directspec+": ("directspec+", {"preset": "published", "epochs": 40}),
}
RUNS = {"plain": PLAIN, "graph": GRAPH}


def draw(curves: dict[str, dict], title: str, path: Path) -> None:
    plt = pyplot()
    if plt is None:
        return
    figure, axis = plt.subplots(figsize=(6.4, 4))
    for number, (label, made) in enumerate(curves.items()):
        ranks = made["effective_rank"]
        dashed = "--" if number >= 10 else "-"  # there are ten colours
        axis.plot(range(1, len(ranks) + 1), ranks, dashed, label=label, lw=1.6)
    axis.set(xlabel="epoch", ylabel="effective rank", title=title, ylim=(0, 66))
    axis.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    axis.spines[["top", "right"]].set_visible(False)
    save(figure, path)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", default="yelp-sparse")
    parser.add_argument("--runs", choices=RUNS, default="plain")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    split = fr.load(arguments.data, validation=0)
    out = arguments.out
    curves = json.loads(out.read_text())["runs"] if out and out.is_file() else {}
    for label, (method, settings) in RUNS[arguments.runs].items():
        if label in curves:
            continue
        values = {**settings, "seed": arguments.seed}
        if "preset" in values:
            values["preset"] += f":{arguments.data}"
        else:
            values = SHARED | values
        model = fr.Recommender(method, threads=arguments.threads, **values).fit(split)
        ranks = [record["effective_rank"] for record in model.training["history"]]
        curves[label] = {"settings": values, "effective_rank": ranks}
        rises = sum(later > earlier for earlier, later in pairwise(ranks))
        print(
            f"{label:<24} first {ranks[0]:.2f} lowest {min(ranks):.2f} last {ranks[-1]:.2f} "
            f"epochs with a rise {rises} of {len(ranks) - 1}",
            flush=True,
        )
        if out:
            out.write_text(json.dumps({"data": arguments.data, "runs": curves}) + "\n")
            draw(curves, arguments.data, out.with_suffix(".png"))


if __name__ == "__main__":
    main()
