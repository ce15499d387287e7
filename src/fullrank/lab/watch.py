"""What is recorded of the tables that a method ranks with, each epoch: spectra, scores, accuracy.

Rows without a training interaction are random numbers that never move, and would hide a collapse;
all figures but ``effective_rank_all_rows`` are of the other rows.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from fullrank.data.interactions import Interactions
from fullrank.encoders import Pair
from fullrank.evaluation import evaluate
from fullrank.serving import DotScorer
from fullrank.spectrum import unit_rows
from fullrank.spectrum.measure import entropy_rank, gram
from fullrank.training.checkpoint import Record

PAIRS = 10_000
"""Observed pairs, and as many unobserved ones, whose scores are averaged."""
DIGITS = 7
"""Significant digits that are kept: what float32 has."""


class Watch:
    """Makes the record of an epoch.

    Args:
        tables: Gives the tables as the method ranks with them.
        train: What is trained on.
        validation: What accuracy is of; none is recorded without it.
        every: Epochs between two evaluations.
        last: The last epoch, which is evaluated in any case.
    """

    def __init__(
        self,
        tables: Callable[[], Pair],
        train: Interactions,
        validation: Interactions | None,
        every: int,
        last: int,
    ) -> None:
        self.tables = tables
        self.train, self.validation = train, validation
        self.every, self.last = every, last
        self.trained = trained_rows(train)
        self.pairs = sample_pairs(train, PAIRS, seed=0)

    def __call__(self, epoch: int) -> Record:
        """The record of an epoch, by its number; 0 is before training."""
        users, items = self.tables()
        user_idx, item_idx = self.trained
        record = spectra(users[user_idx], items[item_idx])
        record["effective_rank_all_rows"] = _effective_rank(gram(users) + gram(items))
        record |= scores(users, items, self.pairs)
        due = epoch % self.every == 0 or epoch == self.last
        if self.validation is not None and due:
            k = min(10, self.train.n_items)
            names = ("ndcg", "recall")
            found = evaluate(
                DotScorer(users, items), self.validation, train=self.train, k=k, metrics=names
            )
            record |= {f"{name}@10": found[f"{name}@{k}"] for name in names}
        return {name: rounded(value) for name, value in record.items()}


def trained_rows(train: Interactions) -> Pair:
    """Row numbers of the users and of the items with a training interaction."""
    users, items = (np.flatnonzero(each) for each in (train.user_degree, train.item_degree))
    return torch.from_numpy(users), torch.from_numpy(items)


def spectra(users: Tensor, items: Tensor) -> Record:
    """Effective rank and singular values of both tables stacked, and correlation of each.

    Shapes: (n_users, d), (n_items, d). The correlation is equation 14's sum over ordered pairs of
    unit rows, divided by their number, so that data sets compare: 1 where all rows are parallel,
    about 1/d where they are random.
    """
    grams = [gram(table) for table in (users, items)]
    record: Record = {
        "effective_rank": _effective_rank(grams[0] + grams[1]),
        "effective_rank_users": _effective_rank(grams[0]),
        "effective_rank_items": _effective_rank(grams[1]),
        "singular_values": _singular_values(grams[0] + grams[1]).tolist(),
    }
    for name, table in (("users", users), ("items", items)):
        total = gram(table, unit=True).square().sum().item()
        record[f"correlation_{name}"] = total / max(len(table), 1) ** 2
    return record


def scores(users: Tensor, items: Tensor, pairs: Tensor) -> Record:
    """Mean score and mean cosine of the observed and of the unobserved pairs of a sample.

    Shapes: ``pairs`` (n, 3) int64: user, an item that they have, and one that they have not.
    """
    user, positive, negative = pairs.unbind(dim=1)
    record: Record = {}
    for name, item in (("positive", positive), ("negative", negative)):
        u, v = users[user].double(), items[item].double()
        record[f"{name}_score"] = (u * v).sum(dim=1).mean().item()
        record[f"{name}_cosine"] = (unit_rows(u) * unit_rows(v)).sum(dim=1).mean().item()
    return record


def sample_pairs(train: Interactions, count: int, seed: int) -> Tensor:
    """(n, 3) int64 triples of a user, an observed item and an unobserved one, n ≤ ``count``.

    Triples of users who have nearly everything may be missing: an unobserved item is drawn a few
    times and then given up.
    """
    rng = np.random.default_rng([seed, 20])
    entry = rng.integers(len(train), size=count)
    user, positive = train.user_idx[entry].astype(np.int64), train.item_idx[entry]
    served = np.flatnonzero(train.item_degree)
    keys = train.user_idx.astype(np.int64) * train.n_items + train.item_idx
    negative = rng.choice(served, size=count)
    for _ in range(20):
        bad = np.isin(user * train.n_items + negative, keys)
        negative[bad] = rng.choice(served, size=int(bad.sum()))
    good = ~np.isin(user * train.n_items + negative, keys)
    return torch.from_numpy(np.stack((user, positive.astype(np.int64), negative), axis=1)[good])


def rounded(value: float | list[float]) -> float | list[float]:
    """To `DIGITS` significant digits, for files that stay small."""
    if isinstance(value, list):
        return [float(f"{each:.{DIGITS}g}") for each in value]
    return float(f"{value:.{DIGITS}g}")


def _singular_values(square: Tensor) -> Tensor:
    values: Tensor = torch.linalg.eigvalsh(square)
    return values.clamp_min(0).sqrt().flip(0)


def _effective_rank(square: Tensor) -> float:
    return entropy_rank(_singular_values(square))
