"""SGFCF: a sharper normalisation, and a spectral filter for each user and each item."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from pydantic import Field

from fullrank.data.interactions import Interactions
from fullrank.data.weights import item_strength, user_strength, weighted_csr
from fullrank.encoders import truncated_svd
from fullrank.methods.closed_form import filtering
from fullrank.methods.closed_form.popular import POPULARITY, ByPopularity
from fullrank.methods.space import Span
from fullrank.serving.sgfcf_scorer import IndividualScorer, homophily


class SGFCF(ByPopularity):
    """Generalised graph normalisation with individualised filters."""

    name = "sgfcf"
    summary = "a sharper normalisation, and a spectral filter for each user and each item"
    source = "Peng et al., KDD 2024"
    space = {
        "rank": (None, 64, 128, 256, 512),
        "epsilon": Span(0.2, 0.5),
        "offset": (0.0, 3.0, 10.0),
        "beta_low": Span(0.3, 5.0, log=True),
        "beta_high": Span(0.3, 6.0, log=True),
        "gamma": Span(0.02, 2.0, log=True),
        "popularity": POPULARITY,
    }

    rank: int | None = Field(default=None, ge=1, lt=2**31)
    """Singular pairs K that are kept; if absent, by the size of the data."""
    epsilon: float = Field(default=0.34, ge=0, le=1)
    """Exponent ε of the degrees that interactions are divided by, on each side."""
    offset: float = Field(default=0.0, ge=0)
    """Added to the degrees first (α in the paper)."""
    beta_low: float = Field(default=0.9, gt=0)
    """Exponent of the singular values for the user, and the item, of the least homophily."""
    beta_high: float = Field(default=1.1, gt=0)
    """The same for the one of the greatest; all have one exponent where the two are equal."""
    gamma: float = Field(default=1.0, ge=0)
    """Weight γ of one exact hop."""

    def largest(self, data: Interactions) -> dict[str, int]:
        """Singular pairs that there are."""
        return filtering.bounded(data, self.rank)

    @property
    def uses_weights(self) -> bool:
        """X holds them, and degrees are their sums; homophily looks at pairs alone."""
        return True

    def solve(self, data: Interactions, device: str) -> IndividualScorer:
        """``N(U S^β_u (V S^β_i)ᵀ) + γ N(R RᵀR)``, N dividing a row by its sum.

        ``R = (D_u + α)^-ε X (D_i + α)^-ε ≈ U S Vᵀ``, the largest singular value scaled to 1. The
        authors' sigmoid around the score ranks alike and is left out.
        """
        del device
        users = (user_strength(data) + self.offset).clip(1e-9) ** -self.epsilon
        items = (item_strength(data) + self.offset).clip(1e-9) ** -self.epsilon
        users[data.user_degree == 0] = items[data.item_degree == 0] = 1
        pairs = weighted_csr(data).astype(np.float64)
        matrix = sp.csr_array(sp.diags_array(users) @ pairs @ sp.diags_array(items))
        rank = filtering.rank_for(data, self.rank, most=512)
        filtering.check_vectors(matrix.shape, rank)
        svd = truncated_svd(matrix, rank, self.seed)
        values = svd.values.double().numpy()
        kept = values > values[0] * 1e-6
        values = values[kept] / values[0]
        vectors = svd.items.numpy()[:, kept]
        betas, least, greatest = self._item_exponents(data)
        weighted = (vectors * values ** betas[:, None]).astype(np.float32)
        exponents = np.array([self.beta_low, self.beta_high, least, greatest, self.gamma])
        scorer = IndividualScorer(
            data,
            matrix.astype(np.float32),
            np.ascontiguousarray(vectors),
            weighted,
            values,
            items.astype(np.float32),
            exponents,
        )
        return self.weighed(scorer, data)

    def _item_exponents(self, data: Interactions) -> tuple[NDArray[np.float64], float, float]:
        """(n_items,) β_i, and the least and the greatest homophily of the users."""
        low, high = self.beta_low, self.beta_high
        if low == high:
            return np.full(data.n_items, low), 0.0, 1.0
        rows = data.csr()
        columns = sp.csr_array(rows.T)
        of_users = homophily(data.indptr, data.item_idx, columns, 1)
        of_items = homophily(columns.indptr, columns.indices, rows, 1)
        spread = float(np.ptp(of_items))
        position = (of_items - of_items.min()) / (spread or 1.0)
        return low + (high - low) * position, float(of_users.min()), float(of_users.max())
