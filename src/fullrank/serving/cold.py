"""Users and items that training has not seen: the popular list, and no random scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fullrank.data.interactions import Interactions
from fullrank.data.weights import item_strength
from fullrank.serving.scorers import DotScorer, Scorer
from fullrank.serving.top_k import Ranking

Rank = Callable[..., Ranking]
"""`top_k`, or another ranking with its arguments."""


@dataclass(frozen=True, eq=False)
class Trained:
    """What training has seen.

    An untrained row has the random numbers that it started with: its scores mean nothing.
    """

    popularity: NDArray[Any]
    """(n_items,) interactions of each item in training, or the sum of their weights."""
    users: NDArray[np.bool_]
    """(n_users,) which users have training interactions."""
    items: NDArray[np.bool_]
    """(n_items,) which items have."""

    @classmethod
    def of(cls, train: Interactions, popularity: NDArray[Any] | None = None) -> Trained:
        """Of the training part; ``popularity`` where the items were trained on other users."""
        counts = item_strength(train) if popularity is None else popularity
        return cls(counts, train.user_degree > 0, counts > 0)

    @property
    def rows(self) -> tuple[Tensor, Tensor]:
        """(n_users,) and (n_items,) bool: the rows that figures of embeddings are of."""
        return torch.tensor(self.users), torch.tensor(self.items)

    def candidates(self, mask: NDArray[np.bool_] | None = None) -> NDArray[np.bool_] | None:
        """Which trained items of ``mask`` may be recommended; None for all items."""
        if self.items.all():
            return mask
        return self.items if mask is None else mask & self.items

    def cold(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which user rows are untrained; row -1 is a user that the model does not know."""
        return (rows < 0) | ~self.users[rows] if len(self.users) else rows < 0

    def scorer(self, n_users: int) -> DotScorer:
        """Ranks by popularity, the same for each user."""
        counts = torch.from_numpy(np.asarray(self.popularity, dtype=np.float32))
        return DotScorer(torch.ones(n_users, 1), counts[:, None])


def rank_served(
    rank: Rank,
    scorer: Scorer,
    trained: Trained,
    rows: NDArray[np.int64],
    k: int,
    *,
    exclude: Sequence[Interactions] = (),
    candidates: NDArray[np.bool_] | None = None,
) -> Ranking:
    """The k best items of trained users by the scorer, of all others by popularity."""
    cold = trained.cold(rows)
    if not cold.any():
        return rank(scorer, rows, k, exclude=exclude, candidates=candidates)
    items = np.full((len(rows), k), -1, dtype=np.int32)
    scores = np.full((len(rows), k), -np.inf, dtype=np.float32)
    known, unknown = cold & (rows >= 0), rows < 0
    for chosen, by in ((~cold, scorer), (known, trained.scorer(len(trained.users)))):
        if chosen.any():
            part = rank(by, rows[chosen], k, exclude=exclude, candidates=candidates)
            items[chosen], scores[chosen] = part.items, part.scores
    if unknown.any():  # nothing is known of them, so one list does for all
        part = rank(trained.scorer(1), np.zeros(1, dtype=np.int64), k, candidates=candidates)
        items[unknown], scores[unknown] = part.items, part.scores
    return Ranking(rows, items, scores)
