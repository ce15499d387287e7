"""`fullrank serve --ann` beside its exact lists: recall, what it costs, and both under load.

    FULLRANK_DATA=../shared/data python benchmarks/ann.py --home /tmp/ann --out results/ann.json

Tables of 64 columns: Gowalla's, trained; two million items that are trained rows with noise of half
their length; and two million of random normal numbers, of which no index knows where to look. The
two services take turns, round after round; figures are medians over rounds. The load comes from
another process on the same cores, by many connections and by one. Beside it stand the processor's
milliseconds of a list, which a busy machine changes less. ``--home`` keeps the models, so that they
can be built first and loaded later, when the machine is quieter.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import service
import torch

import fullrank as fr
from fullrank.service.index_files import lists_of
from fullrank.service.indexing import USERS, K, indexed, recall
from fullrank.service.messages import PARTS
from fullrank.service.ranking import Served, UsersJob
from fullrank.serving import DotScorer, top_k
from fullrank.serving.fold_in import FoldIn
from fullrank.serving.model_files import INDEX

D, MANY = 64, 2_000_000
NOISE = 0.5
"""Length of what is added to a trained row, of its own length."""
WAYS = {"index": "--ann", "exact": "--no-ann"}
CONNECTIONS = (32, 1)
LISTS = 512
"""Lists whose processor time is measured."""


def trained(home: Path) -> fr.Recommender:
    """Ten epochs on Gowalla, once."""
    if (home / "gowalla" / "asked.json").is_file():
        return fr.Recommender.load(home / "gowalla" / "model")
    return fr.Recommender("bpr", dim=D, epochs=10).fit(fr.load("gowalla"))


def of_tables(users: Any, items: Any) -> fr.Recommender:
    """A model of two tables, and ten interactions of each user."""
    rng, (n_users, n_items) = np.random.default_rng(0), (len(users), len(items))
    ids = fr.Ids.numbered(n_users, "u"), fr.Ids.numbered(n_items, "i")
    # Each item is somebody's, as every trained item is: the first ten users' in the main.
    rows = np.concatenate([np.arange(n_items), rng.integers(n_items, size=10 * n_users)])
    owner = np.concatenate([rng.integers(10, size=n_items), np.repeat(np.arange(n_users), 10)])
    model = fr.Recommender("bpr", dim=D)
    parts = {"train": fr.Interactions.from_rows(*ids, owner, rows)}
    scorer = DotScorer(*(torch.as_tensor(each) for each in (users, items)))
    model._use(scorer, parts, FoldIn(torch.eye(D, dtype=torch.float64)))
    return model


def grown(home: Path) -> fr.Recommender:
    scorer, rng = trained(home).scorer, np.random.default_rng(0)
    rows = scorer.item_table.numpy()[rng.integers(scorer.n_items, size=MANY)]
    noise = rng.standard_normal(rows.shape, dtype=np.float32)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return of_tables(scorer.user_table.numpy(), rows + NOISE * length * noise / D**0.5)


def normal(_: Path) -> fr.Recommender:
    rng = np.random.default_rng(0)
    return of_tables(*(rng.standard_normal((n, D), dtype=np.float32) for n in (4000, MANY)))


TABLES: dict[str, Callable[[Path], fr.Recommender]] = {
    "gowalla": trained,
    "grown": grown,
    "normal": normal,
}


def built(folder: Path) -> dict[str, Any]:
    """Processor seconds and size of the index of a model, and what a service measures of it."""
    model = fr.Recommender.load(folder)
    table, rows = model.scorer.item_table.numpy(), np.flatnonzero(model._trained.items)
    began = time.process_time()
    lists = lists_of(folder, table, rows)
    seconds = time.process_time() - began
    size = sum(path.stat().st_size for path in (folder / INDEX).iterdir())
    most = max(1, lists.n_lists // 8)
    found = indexed(folder.name, model, folder, wanted=True)
    figures = {
        "items": len(rows),
        "seconds": seconds,
        "mib": size / 2**20,
        "used": found is not None,
    }
    if found is not None:
        facts = found.facts
        return figures | {"recall": facts.recall, "searched": facts.searched, "lists": facts.lists}
    return figures | {"recall": widest(model, lists, rows, most), "searched": most,
                      "lists": lists.n_lists}  # fmt: skip


def widest(model: fr.Recommender, lists: Any, rows: Any, most: int) -> float:
    """Recall@20 of the most lists that a service would search, nothing left out."""
    users = np.random.default_rng(0).permutation(len(model.users))[:USERS]
    near = rows[lists.nearest(model.scorer.user_table.numpy()[users], K, most)]
    return recall(near, top_k(model.scorer, users, K).items)


def costs(folder: Path) -> dict[str, float]:
    """Milliseconds of one core for a list, of 32 users at a time and of one."""
    model = fr.Recommender.load(folder)
    served = Served("model", model, folder, "", service.K)
    found = indexed("model", model, folder, wanted=True)
    users = 10 + np.random.default_rng(1).permutation(len(model.users) - 10)[:LISTS]
    took: dict[str, float] = {}
    for way, index in (("index", found), ("exact", None)):
        served.index = index
        for size in CONNECTIONS:
            own = users[: len(users) if size > 1 or index else LISTS // 8]
            jobs = [UsersJob(own[at : at + 1], service.K, PARTS) for at in range(len(own))]
            served.rank(jobs[:size])
            began = time.process_time()
            for at in range(0, len(jobs), size):
                served.rank(jobs[at : at + size])
            took[f"{way}, {size}"] = 1000 * (time.process_time() - began) / len(jobs)
    return took


def under_load(home: Path, given: argparse.Namespace) -> dict[str, Any]:
    """The median figures of each way, by connections."""
    command = [sys.executable, "-m", "fullrank", "serve", str(home / "model"), "--port",
               str(service.PORT), "--no-access-log"]  # fmt: skip
    rounds: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for _ in range(given.rounds):
        for way, option in WAYS.items():
            with service.running([*command, option]):
                for connections in CONNECTIONS:
                    found = service.loaded(home, connections, given.seconds)
                    rounds.setdefault((way, connections), []).append(found)
    return {
        f"{way}, {connections}": {
            key: statistics.median(each[key] for each in own) for key in own[0]
        }
        for (way, connections), own in rounds.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--tables", nargs="+", choices=list(TABLES), default=list(TABLES))
    parser.add_argument("--step", choices=["build", "load"], nargs="+", default=["build", "load"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--port", type=int, default=8771)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    given = parser.parse_args()
    service.PORT = given.port
    torch.set_num_threads(given.threads)
    results: dict[str, Any] = {}
    if given.out.is_file():
        results = json.loads(given.out.read_text(encoding="utf-8"))["results"]
    for name in given.tables:
        home = given.home / name
        if not (home / "asked.json").is_file():
            model = TABLES[name](given.home)
            model.save(home / "model")
            asked = model.users.values.cast(str).to_list()[10:]
            (home / "asked.json").write_text(json.dumps({"users": asked}))
            del model
        if "build" in given.step:
            shutil.rmtree(home / "model" / INDEX, ignore_errors=True)
            found = built(home / "model") | {"cpu_ms": costs(home / "model")}
            results.setdefault(name, {}).update(found)
        if "load" in given.step:
            busy = os.getloadavg()[1]
            results.setdefault(name, {})["load"] = under_load(home, given)
            results[name]["busy"] = busy
        print(json.dumps({name: results[name]}, indent=1), flush=True)
        how = {"k": service.K, "dim": D, "rounds": given.rounds, "seconds": given.seconds,
               "cores": os.cpu_count(), "noise": NOISE,
               "machine": platform.processor() or platform.machine()}  # fmt: skip
        given.out.write_text(json.dumps({"how": how, "results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
