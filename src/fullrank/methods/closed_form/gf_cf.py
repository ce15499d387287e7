"""GF-CF: one hop of the item graph, and an ideal low-pass filter beside it."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from fullrank.data.interactions import Interactions
from fullrank.methods.closed_form import filtering
from fullrank.methods.closed_form.popular import POPULARITY, ByPopularity
from fullrank.methods.space import Span
from fullrank.serving.filter_scorer import FilterScorer, coefficients_of


class GFCF(ByPopularity):
    """A linear filter and an ideal low-pass one."""

    name = "gf-cf"
    summary = "one hop of the item graph, and an ideal low-pass filter beside it"
    source = "Shen et al., CIKM 2021, equation 9"
    space = {
        "rank": (None, 64, 128, 256, 512),
        "alpha": Span(0.03, 3.0, log=True),
        "popularity": POPULARITY,
    }

    rank: int | None = Field(default=None, ge=1, lt=2**31)
    """Singular pairs that the low-pass filter keeps; if absent, by the size of the data."""
    alpha: float = Field(default=0.3, ge=0)
    """Weight α of the low-pass filter."""

    def largest(self, data: Interactions) -> dict[str, int]:
        """Singular pairs that there are."""
        return filtering.bounded(data, self.rank)

    @property
    def uses_weights(self) -> bool:
        """X holds them, and degrees are their sums."""
        return True

    def solve(self, data: Interactions, device: str) -> FilterScorer:
        """``X (R̃ᵀR̃ + α D_i^-½ V Vᵀ D_i^½)`` with ``R̃ = D_u^-½ X D_i^-½``."""
        del device
        matrix = filtering.scaled(data, 0.5, 0.5)
        low = filtering.no_projection(data.n_items)
        if self.alpha:
            rank = filtering.rank_for(data, self.rank, most=256)
            vectors = filtering.item_vectors(matrix, rank, self.seed)
            low = filtering.projection(vectors, filtering.degrees(data, -0.5))
            low[1] *= self.alpha
        ones = np.ones((2, data.n_items), dtype=np.float32)
        hop = coefficients_of(np.array([0.0, 1.0]))
        float32 = matrix.astype(np.float32)
        return self.weighed(FilterScorer(data, float32, hop, ones, low), data)
