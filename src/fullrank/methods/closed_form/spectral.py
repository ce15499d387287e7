"""Spectral: leading singular vectors of the normalised interactions, and one exact hop."""

from __future__ import annotations

from typing import Literal

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from fullrank.data.interactions import Interactions
from fullrank.data.weights import item_strength, power
from fullrank.encoders import truncated_svd
from fullrank.errors import SettingError
from fullrank.methods.closed_form.filtering import scaled
from fullrank.methods.closed_form.popular import POPULARITY, ByPopularity
from fullrank.methods.space import Span
from fullrank.serving.spectral_scorer import SpectralScorer


class Spectral(ByPopularity):
    """Leading singular vectors of the normalised interactions."""

    name = "spectral"
    summary = "leading singular vectors of the normalised interactions"
    source = "after Peng et al., KDD 2024 (SGFCF); projection = gf-cf: Shen et al., CIKM 2021"
    space = {
        "rank": (64, 128, 256, 512, 1024),
        "beta": Span(0.1, 0.6),
        "smoothing": Span(0.05, 5.0, log=True),
        "popularity": POPULARITY,
    }

    rank: int = Field(default=512, ge=1, lt=2**31)
    """Singular pairs that are kept."""
    beta: float = Field(default=0.3, ge=0, le=1)
    """Exponent β of the degrees that interactions are divided by, on each side."""
    smoothing: float = Field(default=1.0, ge=0)
    """Weight γ of one exact hop, added to the truncated reconstruction; of weights divided by their
    mean, so that their unit does not matter."""
    projection: Literal["normalised", "gf-cf"] = "normalised"
    """Score by normalised histories all through, or take items' degrees out for the projection
    alone and put them back after it: with beta = 0.5 that is GF-CF, whose α is 1 / smoothing."""

    def largest(self, data: Interactions) -> dict[str, int]:
        """Singular pairs that Lanczos' method can give."""
        return {"rank": max(1, min(data.n_users, data.n_items) - 1)}

    @property
    def uses_weights(self) -> bool:
        """X holds them, and degrees are their sums."""
        return True

    def solve(self, data: Interactions, device: str) -> SpectralScorer:
        """With ``R = D_u^-β X D_i^-β ≈ U S Vᵀ``, users score items by ``R V Vᵀ + γ R RᵀR``.

        The exponent β and the scores of normalised rows are those of SGFCF (Peng et al., KDD 2024,
        generalised graph normalisation), without its filter for each user; one exact hop beside an
        ideal low-pass is from GF-CF (Shen et al., CIKM 2021). GF-CF itself has ``D_i^½`` around its
        projection, ``X (RᵀR + α D_i^-½ V Vᵀ D_i^½)`` with β = ½: ``projection = gf-cf``, up to a
        factor for each user.

        Raises:
            SettingError: there are fewer singular pairs than ``rank``.
        """
        del device
        most = min(data.n_users, data.n_items) - 1
        if self.rank > most:
            raise SettingError("setting rank", str(self.rank), f"at most {most}")
        matrix = scaled(data, self.beta, self.beta)
        vectors = truncated_svd(matrix, self.rank, self.seed).items.numpy()
        scale = power(item_strength(data), -self.beta).astype(np.float32)
        float32 = sp.csr_array(matrix.astype(np.float32))
        restore = self.projection == "gf-cf"
        # Weights c times as large make R c^(1 - 2β) times as large, and the hop is a square of R.
        unit = 1.0 if data.weight is None else float(data.weight.mean())
        hop = self.smoothing * unit ** (4 * self.beta - 2)
        scorer = SpectralScorer(data, vectors, float32, scale, self.beta, hop, restore)
        return self.weighed(scorer, data)
