"""Item × item models whose scores are multiplied by a power of the items' popularity."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from pydantic import Field

from fullrank.data.interactions import Interactions
from fullrank.data.memory import available_memory
from fullrank.methods.base import ClosedFormMethod, Method
from fullrank.methods.space import Span
from fullrank.serving.scorers import DotScorer, HistoryScorer, ItemScorer

Weights = NDArray[np.float32] | sp.csr_array
"""Of items on items, dense or sparse."""
POPULARITY = Span(-0.3, 0.3)
"""What tuning searches: on five data sets the best on validation lay in it."""


class ByPopularity(ClosedFormMethod):
    """Scores ``s_ui · n_i^p``, for items i with n_i interactions: how popular lists are."""

    popularity: float = Field(default=0.0, ge=-2, le=2)
    """Power p of an item's number of interactions that its scores are multiplied by: above 0
    popular items come earlier, below 0 later."""

    def weighed(self, weights: Weights, data: Interactions) -> ItemScorer:
        """What ranks, of (n_items, n_items) weights that are nobody else's: they are changed."""
        return ItemScorer(data, _multiplied(weights, factors(data, self.popularity)))

    def varied(
        self, scorer: DotScorer | HistoryScorer, of: Method, data: Interactions
    ) -> ItemScorer | None:
        """What `solve` would make, from what it made with the settings ``of``; None if it has to.

        Another power needs nothing but a copy of the weights, if there is room for it.
        """
        if not isinstance(of, ByPopularity) or not isinstance(scorer, ItemScorer):
            return None
        if of.replace(popularity=self.popularity) != self or not _room(scorer.weights):
            return None
        change = factors(data, self.popularity - of.popularity)
        other = ItemScorer(data, _multiplied(scorer.weights.copy(), change))
        other.metadata = dict(scorer.metadata)
        return other


def factors(data: Interactions, power: float) -> NDArray[np.float32]:
    """(n_items,) ``n_i^power``; 1 for items without interactions, which have no scores."""
    found: NDArray[np.float32] = (np.maximum(data.item_degree, 1.0) ** power).astype(np.float32)
    return found


def _multiplied(weights: Weights, by: NDArray[np.float32]) -> Weights:
    """The columns, in place."""
    if sp.issparse(weights):
        weights.data *= by[weights.indices]
    else:
        weights *= by
    return weights


def _room(weights: Weights) -> bool:
    """For a copy, whose indices are shared."""
    free = available_memory()
    needed = weights.data.nbytes if sp.issparse(weights) else weights.nbytes
    return free is None or 2 * needed < free
