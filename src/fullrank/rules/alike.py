"""How alike items are, for diversity: by their embeddings, or as `similar_items` ranks them."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray

from fullrank.rules.slots import Likeness
from fullrank.serving.allpass_scorer import AllPassScorer
from fullrank.serving.scorers import DotScorer, Scorer
from fullrank.serving.served import Served
from fullrank.serving.similar import ItemSpace
from fullrank.serving.steady import SteadyScorer
from fullrank.spectrum import unit_rows

_UNIT: WeakKeyDictionary[Scorer, NDArray[np.float32]] = WeakKeyDictionary()


def likeness_of(served: Served) -> Likeness:
    """Cosines of embeddings, or the method's weights as shares of an item's largest."""
    scorer = served.scorer
    if isinstance(scorer, AllPassScorer):
        if scorer not in _UNIT:
            _UNIT[scorer] = unit_rows(scorer.item_table).numpy()
        return cosines(_UNIT[scorer])
    space = served.space()
    if isinstance(space.scorer, DotScorer):
        return cosines(space.scorer.item_table.cpu().numpy())
    return weights(space)


def cosines(unit: NDArray[np.float32]) -> Likeness:
    """Products of unit rows, (n_items, d)."""

    def likeness(items: NDArray[Any], others: NDArray[Any]) -> NDArray[np.float64]:
        # No matrix product: this sums each in the same order, for one user and for many.
        found: NDArray[np.float64] = np.multiply(
            unit[items][:, None], unit[others], dtype=np.float64
        ).sum(axis=2)
        return found

    return likeness


def weights(space: ItemSpace) -> Likeness:
    """Weights from item to item, as shares of the item's largest to another one."""

    def likeness(items: NDArray[Any], others: NDArray[Any]) -> NDArray[np.float64]:
        distinct, at = np.unique(items, return_inverse=True)
        rows = SteadyScorer(space.scorer, distinct.astype(np.int64))
        found = rows.scores(torch.arange(len(distinct)))
        found[torch.arange(len(distinct)), torch.from_numpy(distinct.astype(np.int64))] = 0.0
        largest = found.abs().amax(dim=1).double().cpu().numpy()
        chosen = found.cpu().numpy()[at[:, None], others].astype(np.float64)
        shares: NDArray[np.float64] = chosen / np.where(largest > 0, largest, 1.0)[at, None]
        return shares

    return likeness
