"""ChebyCF: a plateau of the graph's spectrum by Chebyshev interpolation, and an ideal low-pass."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from fullrank.data.interactions import Interactions
from fullrank.methods.closed_form import filtering
from fullrank.methods.closed_form.popular import POPULARITY, ByPopularity
from fullrank.methods.space import Span
from fullrank.serving.filter_scorer import FilterScorer


class ChebyCF(ByPopularity):
    """A non-linear graph filter without decomposition, and an ideal one beside it."""

    name = "chebycf"
    summary = "a plateau over the graph's frequencies by Chebyshev interpolation, and a low-pass"
    source = "Kim et al., SIGIR 2025"
    space = {
        "order": (4, 6, 8, 10),
        "flatness": Span(0.5, 20.0, log=True),
        "rank": (None, 128, 256, 512),
        "alpha": Span(0.03, 1.0, log=True),
        "beta": Span(0.0, 0.6),
        "popularity": POPULARITY,
    }

    order: int = Field(default=8, ge=1, le=64)
    """Degree K of the interpolating polynomial."""
    flatness: float = Field(default=1.5, gt=0)
    """Exponent φ of the plateau: the larger, the flatter the middle frequencies."""
    rank: int | None = Field(default=None, ge=1, lt=2**31)
    """Singular pairs η of the ideal low-pass filter; if absent, by the size of the data."""
    alpha: float = Field(default=0.2, ge=0)
    """Weight α of the ideal low-pass filter."""
    beta: float = Field(default=0.4, ge=0, le=1)
    """Exponent β of the items' degrees that signals are divided by before, and multiplied by
    after."""
    targets: Literal["extrema", "nodes"] = "extrema"
    """Where the plateau is read: at the extrema of T_K, as the authors' program does, or at the
    interpolation nodes, as interpolation says."""

    def largest(self, data: Interactions) -> dict[str, int]:
        """Singular pairs that there are."""
        return filtering.bounded(data, self.rank)

    @property
    def uses_weights(self) -> bool:
        """X holds them, and degrees are their sums."""
        return True

    def solve(self, data: Interactions, device: str) -> FilterScorer:
        """``X D_i^-β (Σ_k c_k T_k(L̃) + α V Vᵀ) D_i^β`` with ``L̃ = I - 2 R̃ᵀR̃``."""
        del device
        matrix = filtering.scaled(data, 0.5, 0.5)
        before = filtering.degrees(data, -self.beta)
        low = filtering.no_projection(data.n_items)
        if self.alpha:
            rank = filtering.rank_for(data, self.rank, most=512)
            vectors = filtering.item_vectors(matrix, rank, self.seed)
            low = filtering.projection(vectors, before)
            low[1] *= self.alpha
        # The scorer's polynomials are of 2 R̃ᵀR̃ - I = -L̃: odd ones change their sign.
        signs = (-1.0) ** np.arange(self.order + 1)
        coefficients = signs * interpolated(self.order, self.flatness, self.targets)
        scales = np.stack((before, 1 / before)).astype(np.float32)
        float32 = matrix.astype(np.float32)
        return self.weighed(FilterScorer(data, float32, coefficients, scales, low), data)


def interpolated(order: int, flatness: float, targets: str) -> NDArray[np.float64]:
    """(order + 1,) c_k of the polynomial through the plateau, on [-1, 1].

    The plateau is ½ + ½ (-x)^φ for x < 0, ½ - ½ x^φ above: all of the low frequencies (x = -1),
    nothing of the high ones, half of those between. Of its values f_i at the K + 1 nodes x_i of
    Chebyshev, ``c_k = (2 - [k = 0]) / (K + 1) Σ_i f_i T_k(x_i)``.
    """
    steps = np.arange(order + 1)
    nodes = np.cos((order + 0.5 - steps) * np.pi / (order + 1))
    at = nodes if targets == "nodes" else np.cos((order - steps) * np.pi / order)
    plateau = 0.5 - 0.5 * np.sign(at) * np.abs(at) ** flatness
    basis = np.polynomial.chebyshev.chebvander(nodes, order)
    coefficients: NDArray[np.float64] = 2 / (order + 1) * (plateau @ basis)
    coefficients[0] /= 2
    return coefficients
