"""Popularity damping: scores less a multiple of log popularity, in units of any scorer."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fullrank.serving.scorers import Scorer


class DampedScorer:
    """``z_ui - strength · z(log(1 + n_i))``.

    z_ui are the user's scores less their mean, in their standard deviations, over all items; n_i is
    the popularity of an item in training. So a strength of 1 weighs one standard deviation of log
    popularity against one of the scores, whatever the scorer's units are.

    Args:
        scorer: Gives the scores.
        popularity: (n_items,)
        strength: 0 or more.
    """

    def __init__(self, scorer: Scorer, popularity: NDArray[Any], strength: float) -> None:
        self.scorer = scorer
        log = torch.from_numpy(np.log1p(np.asarray(popularity, dtype=np.float64)))
        self._penalty = strength * z_rows(log[None])

    @property
    def n_items(self) -> int:
        """Items of the scorer."""
        return self.scorer.n_items

    def scores(self, users: Tensor) -> Tensor:
        """(b, n_items) float32; -inf stays."""
        scores = self.scorer.scores(users)
        return (z_rows(scores) - self._penalty.to(scores.device)).float()


def z_rows(scores: Tensor) -> Tensor:
    """Rows less their means in their standard deviations, float64; zero where all are alike.

    Scores of -inf, of items that are never recommended, stay and do not count.
    """
    wide = scores.double()
    there = wide > -torch.inf
    count = there.sum(dim=1, keepdim=True).clamp(min=1)
    mean = torch.where(there, wide, 0.0).sum(dim=1, keepdim=True) / count
    centred = torch.where(there, wide - mean, 0.0)
    deviation = (centred.square().sum(dim=1, keepdim=True) / count).sqrt()
    alike = deviation <= mean.abs() * 1e-7
    z = centred / torch.where(alike, torch.inf, deviation)
    return torch.where(there, z, -torch.inf)
