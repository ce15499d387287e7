"""How alike items are, for diversity: as `similar_items` ranks them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fullrank.rules.slots import Likeness
from fullrank.serving.scorers import DotScorer
from fullrank.serving.similar import ItemSpace
from fullrank.serving.steady import SteadyScorer


def likeness_of(space: ItemSpace) -> Likeness:
    """Cosines of embeddings, or the method's weights as shares of an item's largest."""
    if isinstance(space.scorer, DotScorer):
        unit = space.scorer.item_table.cpu().numpy()

        def cosines(items: NDArray[Any], others: NDArray[Any]) -> NDArray[np.float64]:
            # No matrix product: this sums each in the same order, for one user and for many.
            found: NDArray[np.float64] = np.multiply(
                unit[items][:, None], unit[others], dtype=np.float64
            ).sum(axis=2)
            return found

        return cosines

    def weights(items: NDArray[Any], others: NDArray[Any]) -> NDArray[np.float64]:
        distinct, at = np.unique(items, return_inverse=True)
        rows = SteadyScorer(space.scorer, distinct.astype(np.int64))
        found = rows.scores(torch.arange(len(distinct))).double().cpu().numpy()
        found[np.arange(len(distinct)), distinct] = 0.0
        largest = np.abs(found).max(axis=1, initial=0.0, keepdims=True)
        shares = found / np.where(largest > 0, largest, 1.0)
        chosen: NDArray[np.float64] = shares[at[:, None], others]
        return chosen

    return weights
