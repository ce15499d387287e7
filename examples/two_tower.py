"""Two-tower models whose embeddings collapse, and the same with a balancer in them.

    python examples/two_tower.py                          # before and after, one seed
    python examples/two_tower.py --seeds 0 1 2 --all -o results/two_tower.json
    python examples/two_tower.py --amp --compile          # bfloat16 products, compiled towers

On ml-100k, by two losses: ``positives`` has the log loss of observed pairs alone, on an embedding
for each user and item; ``softmax`` sets the items of a batch against each other, corrected for
their popularity, on an embedding and two layers. The epoch is chosen on the validation part; the
test part is evaluated once, at that epoch.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from torch import Tensor, nn

import fullrank as fr
from fullrank.data import Interactions, Split
from fullrank.evaluation import evaluate
from fullrank.serving import DotScorer
from fullrank.spectrum import AdaptiveDirectSpecPlus, DirectSpecPlus, effective_rank

DIM, HIDDEN, BATCH = 64, 128, 256
EPOCHS, LR = 10, {"positives": 1e-2, "softmax": 2e-3}
TEMPERATURE = {"positives": 1.0, "softmax": 0.2}
"""Divides the scores of unit rows; those of raw rows need none, for their lengths are learned."""
BALANCERS = {
    ("positives", "raw rows"): None,
    ("positives", "unit rows"): lambda: DirectSpecPlus(0.0, 3.0),
    ("positives", "adaptive"): lambda: AdaptiveDirectSpecPlus(DIM, target=0.6, alpha=0.5),
    ("softmax", "raw rows"): None,
    ("softmax", "adaptive"): lambda: AdaptiveDirectSpecPlus(DIM, target=0.25),
    ("softmax", "alpha 0.3"): lambda: DirectSpecPlus(0.3, 3.0),
    ("softmax", "alpha 1"): lambda: DirectSpecPlus(1.0, 3.0),
}
"""What stands between towers and loss: nothing before, a balancer after."""


def tower(rows: int, deep: bool) -> nn.Sequential:
    embedding = nn.Embedding(rows, DIM)
    nn.init.normal_(embedding.weight, std=0.1)
    if not deep:
        return nn.Sequential(embedding)
    return nn.Sequential(embedding, nn.Linear(DIM, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, DIM))


class TwoTower(nn.Module):
    """Scores users of a batch against its items."""

    def __init__(self, n_users: int, n_items: int, loss: str, balance: nn.Module | None) -> None:
        super().__init__()
        deep = loss == "softmax"
        self.users, self.items, self.balance = tower(n_users, deep), tower(n_items, deep), balance
        self.temperature = TEMPERATURE[loss]

    def forward(self, user: Tensor, item: Tensor) -> Tensor:
        rows = self.users(user), self.items(item)
        if self.balance is None:
            return rows[0] @ rows[1].T
        users, items = (self.balance(each) for each in rows)  # the one line that is new
        return users @ items.T / self.temperature

    @torch.no_grad()
    def tables(self) -> tuple[Tensor, Tensor]:
        """The rows to serve: of unit length where the loss has seen them so."""
        tables = [side[1:](side[0].weight) for side in (self.users, self.items)]
        if self.balance is not None:
            tables = [nn.functional.normalize(table) for table in tables]
        return tables[0], tables[1]


def positives(scores: Tensor) -> Tensor:
    """The log loss of observed pairs alone."""
    return -nn.functional.logsigmoid(scores.float().diagonal()).mean()


def in_batch_softmax(scores: Tensor, item: Tensor, log_share: Tensor) -> Tensor:
    """Each user's own item against those of the others, by how often an item comes up."""
    scores = scores.float() - log_share[item]
    same = (item[:, None] == item) & ~torch.eye(len(item), dtype=torch.bool)
    return nn.functional.cross_entropy(scores.masked_fill(same, -1e9), torch.arange(len(item)))


def figures(tables: tuple[Tensor, Tensor], data: Split, part: Interactions) -> dict[str, float]:
    """Recall of the rows to serve, and their effective rank: of those with interactions."""
    trained = [torch.tensor(n > 0) for n in (data.train.user_degree, data.train.item_degree)]
    masked = data.validation if part is data.test else None
    found = evaluate(DotScorer(*tables), part, train=data.train, validation=masked, k=(20,))
    measured = {name: float(found[f"{name}@20"]) for name in ("recall", "ndcg")}
    return measured | {"effective_rank": effective_rank(*tables, where=trained)}


def train(
    data: Split, loss: str, name: str, seed: int, *, amp: bool = False, compiled: bool = False
) -> dict:
    """Trains to the best epoch by the validation part; figures of both parts there."""
    torch.manual_seed(seed)
    make = BALANCERS[loss, name]
    train = data.train
    model = TwoTower(train.n_users, train.n_items, loss, None if make is None else make())
    forward = torch.compile(model) if compiled else model
    optimizer = torch.optim.Adam(model.parameters(), lr=LR[loss])
    users, items = (torch.tensor(side).long() for side in (train.user_idx, train.item_idx))
    log_share = (torch.tensor(train.item_degree).clamp_min(1) / len(items)).log()
    best: dict = {"validation": {"recall": 0.0}}
    for epoch in range(1, EPOCHS + 1):
        for batch in torch.randperm(len(users)).split(BATCH)[:-1]:
            with torch.autocast("cpu", torch.bfloat16, enabled=amp):
                scores = forward(users[batch], items[batch])
            if loss == "positives":
                value = positives(scores)
            else:
                value = in_batch_softmax(scores, items[batch], log_share)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            if isinstance(model.balance, AdaptiveDirectSpecPlus):
                model.balance.adapt()
        tables = model.tables()
        found = figures(tables, data, data.validation)
        if found["recall"] > best["validation"]["recall"]:
            alpha = None if model.balance is None else float(model.balance.alpha)
            best, kept = {"epoch": epoch, "alpha": alpha, "validation": found}, tables
    test = figures(kept, data, data.test)  # looked at once
    return {"loss": loss, "balance": name, "seed": seed, **best, "test": test}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--all", action="store_true", help="fixed values of alpha too")
    parser.add_argument("--amp", action="store_true", help="autocast to bfloat16")
    parser.add_argument("--compile", action="store_true", help="torch.compile the model")
    parser.add_argument("-o", "--out", type=Path, help="JSON of every run; those in it are kept")
    asked = parser.parse_args()
    data = fr.load("ml-100k")  # in the folder that FULLRANK_DATA names, or downloaded
    runs = json.loads(asked.out.read_text("utf-8")) if asked.out and asked.out.exists() else []
    done = {(run["loss"], run["balance"], run["seed"]) for run in runs}
    wanted = [key for key in BALANCERS if asked.all or not key[1].startswith("alpha")]
    for seed, (loss, name) in ((seed, key) for seed in asked.seeds for key in wanted):
        if (loss, name, seed) in done:
            continue
        runs.append(train(data, loss, name, seed, amp=asked.amp, compiled=asked.compile))
        test, alpha = runs[-1]["test"], runs[-1]["alpha"]
        print(
            f"{loss}, {name}, seed {seed}: effective rank {test['effective_rank']:.1f} of {DIM}, "
            f"recall@20 {test['recall']:.4f}, epoch {runs[-1]['epoch']}"
            + ("" if alpha is None else f", alpha {alpha:.2f}"),
            flush=True,
        )
        if asked.out:
            asked.out.write_text(json.dumps(runs, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
