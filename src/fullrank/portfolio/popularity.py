"""The power of popularity that is best on the validation part, for a method as it is fitted."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fullrank.data.interactions import Interactions
from fullrank.evaluation import Evaluation, evaluate
from fullrank.methods.closed_form.popular import ByPopularity, factors
from fullrank.methods.validating import SAMPLE, climbed
from fullrank.portfolio.board import gain, ndcg
from fullrank.serving.scorers import DotScorer, HistoryScorer

STEP, MOST = 0.1, 2.0
"""Between two powers that are tried, and the size of the largest."""
BYTES = 2**28
"""Of the scores that are kept while powers are compared."""
LEAST = 100
"""Users by whom they are compared, whatever the scores take."""


class _Kept:
    """The scores of some users, computed once, times the factors of the moment."""

    def __init__(self, scorer: DotScorer | HistoryScorer, users: NDArray[np.int64]) -> None:
        self.n_items = scorer.n_items
        self._users, self._scores = users, scorer.scores(torch.from_numpy(users)).cpu()
        self.factors = torch.ones(scorer.n_items)

    def scores(self, users: Tensor) -> Tensor:
        """(b, n_items) float32."""
        rows = torch.from_numpy(np.searchsorted(self._users, users.numpy()))
        return self._scores[rows] * self.factors


def best_power(
    method: ByPopularity,
    scorer: DotScorer | HistoryScorer,
    parts: Mapping[str, Interactions],
    users: NDArray[np.int64] | None,
) -> tuple[float, Evaluation | None]:
    """The power of popularity that is better than the next ones, from the method's own on.

    By ndcg@20 of some of the users of validation, the same at each call, and by more than noise;
    what they say of it.

    Args:
        method: As the scorer was made with.
        scorer: What it ranks with.
        parts: ``train`` and ``validation``.
        users: By whom methods are compared; all if absent.
    """
    train, validation = parts["train"], parts["validation"]
    if users is None:
        users = np.flatnonzero(train.user_degree * validation.user_degree)
    if not len(users):
        return method.popularity, None
    most = max(LEAST, min(SAMPLE, BYTES // (4 * train.n_items)))
    users = users[:: -(-len(users) // most)]
    kept, k = _Kept(scorer, users), min(20, train.n_items)

    def figures(steps: float) -> Evaluation:
        kept.factors = torch.from_numpy(factors(train, steps * STEP - method.popularity))
        return evaluate(kept, validation, train=train, k=(k,), metrics=("ndcg",), users=users)

    def better(other: Evaluation, than: Evaluation) -> bool:
        return gain(ndcg(other), ndcg(than)) > 0

    most = round(MOST / STEP)
    first = float(round(method.popularity / STEP))
    steps, found = climbed(first, figures, 1.0, (-most, most), better)
    return round(steps * STEP, 10), found
