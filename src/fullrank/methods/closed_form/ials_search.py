"""The strength of the penalty of `ials` by pairs that are withheld from training users."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from fullrank.data.interactions import Interactions
from fullrank.encoders import WholeLoss
from fullrank.errors import FitError
from fullrank.evaluation import evaluate
from fullrank.methods.closed_form.sweeps import Sweeps, Table
from fullrank.serving.scorers import DotScorer

SHARE = 0.1
"""Of the pairs of a user that are withheld, about."""
USERS = 4000
"""From whom pairs are withheld, at most: the others train as they are."""
STEPS = 7
"""Values of λ that are tried at most, each twice the one before, up to twice the edge of chance."""
EACH, FIRST = 2, 2
"""Sweeps with each, from where those before left off; and so many more with the first."""
SWEEPS = STEPS * EACH + FIRST
"""In all, at most."""
WORSE = 2
"""The search ends after as many values in a row that are no better than the best."""
WITHOUT = 1 / 8
"""Share of the edge that λ is where there is nothing to withhold."""


class Search:
    """The λ that ranks withheld pairs best.

    Args:
        data: The observed pairs.
        loss: Confidences and exponent; its λ is not used.
        items: The item table to begin with.
        dim: Of its columns, those that count.
        seed: Of what is withheld.
    """

    def __init__(
        self, data: Interactions, loss: WholeLoss, items: Table, dim: int, seed: int
    ) -> None:
        held = withheld(data, np.random.default_rng(seed))
        self._held, self._rest = data.select(held), data.select(~held)
        self._run = Sweeps(self._rest, loss, items, dim)
        self._edge = self._run.edge()
        self._values = self._edge * 2.0 ** np.arange(2 - STEPS, 2)
        self.tried = 0
        """Values of λ that were compared so far."""

    def best(self, progress: Callable[[float], None]) -> float:
        """λ, by a parabola through the best of the values tried and its neighbours.

        Never above the best: in so few sweeps a larger λ does not yet do all the harm that it does.
        """
        if not len(self._held):
            return float(self._edge * WITHOUT)
        found: list[float] = []
        for step, value in enumerate(self._values):
            self._run.run(value, EACH if step else EACH + FIRST)
            found.append(self._ndcg())
            self.tried += 1
            progress((step + 1) / STEPS)
            if step - int(np.argmax(found)) >= WORSE:
                break
        return float(self._values[0] * 2 ** min(vertex(found), int(np.argmax(found))))

    def _ndcg(self) -> float:
        users, items = map(torch.from_numpy, self._run.tables())
        try:
            scorer = DotScorer(users, items)
        except FitError:  # not finite: another λ may do
            return -1.0
        k = min(20, self._rest.n_items)
        found = evaluate(scorer, self._held, train=self._rest, k=(k,), metrics=("ndcg",))
        return float(found[f"ndcg@{k}"])


def withheld(data: Interactions, rng: np.random.Generator) -> NDArray[np.bool_]:
    """(nnz,) which pairs to withhold: a share of those of some users, who keep one at least."""
    degree = data.user_degree
    able = np.flatnonzero(degree >= 2)
    some = np.zeros(data.n_users, dtype=bool)
    some[rng.choice(able, min(USERS, len(able)), replace=False)] = True
    order = np.lexsort((rng.random(len(data)), data.user_idx))  # a user's pairs, shuffled
    place = np.empty(len(data), dtype=np.int64)
    place[order] = np.arange(len(data)) - data.indptr[data.user_idx]
    count = np.clip(np.round(SHARE * degree), 1, None)
    mask: NDArray[np.bool_] = some[data.user_idx] & (place < count[data.user_idx])
    return mask


def vertex(values: list[float]) -> float:
    """Where the parabola through the largest of values and its neighbours is highest.

    >>> vertex([1.0, 3.0, 3.0, 0.0]), vertex([3.0, 1.0])
    (1.5, 0.0)
    """
    at = int(np.argmax(values))
    if at in (0, len(values) - 1):
        return float(at)
    before, here, after = values[at - 1 : at + 2]
    bend = before - 2 * here + after
    return at + (before - after) / (2 * bend) if bend < 0 else float(at)
