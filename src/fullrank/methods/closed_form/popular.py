"""Methods whose scores are multiplied by a power of the items' popularity."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field

from fullrank.data.interactions import Interactions
from fullrank.methods.base import ClosedFormMethod, Method
from fullrank.methods.space import Span
from fullrank.serving.scorers import DotScorer, HistoryScorer
from fullrank.serving.weighed import Weighed

S = TypeVar("S", bound=Weighed)
POPULARITY = Span(-0.5, 0.5)
"""What tuning searches: on five data sets the best on validation lay in it."""


class ByPopularity(ClosedFormMethod):
    """Scores ``s_ui · n_i^p``, for items i with n_i interactions: how popular lists are."""

    popularity: float = Field(default=0.0, ge=-2, le=2)
    """Power p of an item's number of interactions that its scores are multiplied by: above 0
    popular items come earlier, below 0 later."""

    def weighed(self, scorer: S, data: Interactions) -> S:
        """What ranks, of a scorer with any factors; nothing of it is copied."""
        return scorer.with_factors(factors(data, self.popularity) if self.popularity else None)

    def weighed_tables(self, tables: DotScorer, data: Interactions) -> DotScorer:
        """What ranks, of embeddings with any factors: item rows times ours, beside those before.

        Users are folded in by the directions of items, which factors leave as they are.
        """
        if tables.before is None and not self.popularity:
            return tables
        before = tables.item_table if tables.before is None else tables.before
        by = torch.from_numpy(factors(data, self.popularity))
        other = DotScorer(tables.user_table, before * by[:, None])
        other.before, other.metadata = before, tables.metadata
        return other

    def varies(self, of: Method) -> bool:
        """Whether what `solve` makes with these settings is made of what it made with ``of``."""
        return isinstance(of, ByPopularity) and of.replace(popularity=self.popularity) == self

    def varied(
        self, scorer: DotScorer | HistoryScorer, data: Interactions
    ) -> DotScorer | HistoryScorer | None:
        """What `solve` would make, of what it made with settings that `varies` takes.

        None of a scorer that the method does not make.
        """
        if isinstance(scorer, Weighed):
            return self.weighed(scorer, data)
        return self.weighed_tables(scorer, data) if isinstance(scorer, DotScorer) else None


def factors(data: Interactions, power: float) -> NDArray[np.float32]:
    """(n_items,) ``n_i^power``; 1 for items without interactions, which have no scores."""
    found: NDArray[np.float32] = (np.maximum(data.item_degree, 1.0) ** power).astype(np.float32)
    return found
