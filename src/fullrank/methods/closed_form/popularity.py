"""Popularity: everybody gets the items with the most interactions."""

from __future__ import annotations

import numpy as np
import torch

from fullrank.data.interactions import Interactions
from fullrank.data.weights import item_strength
from fullrank.methods.base import ClosedFormMethod
from fullrank.serving.scorers import DotScorer


class Popularity(ClosedFormMethod):
    """Items by their number of interactions."""

    name = "popularity"
    summary = "the items with the most interactions"
    source = "what every list must beat"

    @property
    def uses_weights(self) -> bool:
        """Counts are sums of them."""
        return True

    def solve(self, data: Interactions, device: str) -> DotScorer:
        """One dimension: 1 for each user, the count (or sum of weights) for each item."""
        del device
        users = torch.ones(data.n_users, 1)
        items = torch.from_numpy(item_strength(data).astype(np.float32))[:, None]
        return DotScorer(users, items)
