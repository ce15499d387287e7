"""All-pass: the limit of Algorithm 1 on the normalised interactions, and one exact hop."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from pydantic import Field, model_validator

from fullrank.data.interactions import Interactions
from fullrank.data.memory import check_memory
from fullrank.data.weights import item_strength, power, weighted_csr
from fullrank.encoders import (
    chance_edge,
    most_pairs,
    pairs_above_chance,
    singular_triplets,
    svd_bytes,
)
from fullrank.errors import SettingError
from fullrank.methods.base import Method
from fullrank.methods.closed_form.filtering import scaled
from fullrank.methods.closed_form.popular import POPULARITY, ByPopularity
from fullrank.methods.space import Span
from fullrank.serving.allpass_scorer import AllPassScorer, Filter
from fullrank.serving.scorers import DotScorer, HistoryScorer
from fullrank.training.progress import Reporter, share_of

MOST = 1024
"""The most that the default rank is."""
TRUST = 1.8e-3
"""The default weight is this over the cube of `chance_edge`: the denser the data, the better their
leading pairs are known. Fitted to validation parts of ml-100k, gowalla and citeulike (best at about
.09, .025 and .01; the rule gives .095, .021 and .012)."""


class AllPass(ByPopularity):
    """Singular pairs of the normalised interactions, levelled, and one exact hop."""

    name = "allpass"
    summary = "singular pairs of the normalised interactions levelled, and one exact hop"
    source = "the limit of DirectSpec's Algorithm 1 (Peng et al.); see docs/allpass.md"
    space = {
        "exponent": Span(0.2, 0.5),
        "rank": (None, 16, 64, 256, 512, 1024),
        "power": (0.0, 0.25, 0.5, 0.75, 1.0),
        "weight": Span(0.003, 0.3, log=True),
        "popularity": POPULARITY,
    }

    exponent: float = Field(default=0.3, ge=0, le=1)
    """Exponent e of the degrees that interactions are divided by, on each side."""
    rank: int | None = Field(default=None, ge=1, lt=2**31)
    """Singular pairs k that are kept; if absent, as many as stand out of a random graph with the
    same degrees, up to 1,024."""
    power: float = Field(default=0.75, ge=0, le=4)
    """Power p of the kept singular values: 1 keeps them as they are, 0 sets each to one."""
    weight: float | None = Field(default=None, ge=0)
    """Weight w of the smallest kept pair, beside a hop whose largest pair weighs 1; by a rule from
    the density if absent (see `TRUST`)."""
    hop: float = Field(default=1.0, ge=0)
    """Weight of one exact hop R RᵀR, in units of its largest singular value."""

    @model_validator(mode="after")
    def _something_ranks(self) -> AllPass:
        if self.weight == 0 and not self.hop:
            raise ValueError("weight or hop above 0")
        return self

    def largest(self, data: Interactions) -> dict[str, int]:
        """Singular pairs that there are."""
        return {} if self.rank is None else {"rank": most_pairs((data.n_users, data.n_items))}

    @property
    def uses_weights(self) -> bool:
        """X holds them, and degrees are their sums."""
        return True

    def solve(self, data: Interactions, device: str) -> AllPassScorer:
        """As `solve_reported`, in silence."""
        return self.solve_reported(data, device, None)

    def solve_reported(
        self, data: Interactions, device: str, reporter: Reporter | None
    ) -> AllPassScorer:
        """``hop · R RᵀR / s₁³ + w · U (S / s_k)ᵖ Vᵀ`` with ``R = D_u^-e X D_i^-e ≈ U S Vᵀ``.

        p = 1 is the filter of `spectral`; p = 0 the limit of Algorithm 1. With both parts in units
        of singular values, a factor on R changes no score, so what the weights are to each other
        depends neither on the exponent nor on the scale of the interactions' weights.

        Raises:
            SettingError: there are fewer pairs than ``rank``, or they do not fit into memory.
        """
        del device
        rank, most = self._rank(data), most_pairs((data.n_users, data.n_items))
        if rank > most:
            raise SettingError("setting rank", str(rank), f"at most {most}")
        shape = (data.n_users, data.n_items)
        check_memory("setting rank", svd_bytes(shape, rank), f"{rank:,} singular pairs")
        matrix = scaled(data, self.exponent, self.exponent)
        with share_of(reporter) as progress:
            found = singular_triplets(matrix, rank, self.seed, progress=progress)
        scorer = AllPassScorer(
            data,
            found.items.numpy(),
            found.values.numpy(),
            sp.csr_array(matrix.astype(np.float32)),
            power(item_strength(data), -self.exponent).astype(np.float32),
            self._filter(found.values.numpy(), data),
        )
        known = {"residual": found.residual, "products": found.products}
        scorer.metadata["allpass"] = known | self._facts(scorer.values, data)
        return self.weighed(scorer, data)

    def varies(self, of: Method) -> bool:
        """Another power, weight, hop or popularity needs no other singular pairs."""
        free = ("power", "weight", "hop", "popularity")
        changed = {name: getattr(self, name) for name in free}
        return isinstance(of, AllPass) and of.replace(**changed) == self

    def varied(self, scorer: DotScorer | HistoryScorer, data: Interactions) -> AllPassScorer | None:
        """What `solve` would make, of the singular pairs that are there."""
        if not isinstance(scorer, AllPassScorer):
            return None
        other = AllPassScorer(
            data,
            scorer.vectors,
            scorer.values,
            scorer.matrix,
            scorer.scale,
            self._filter(scorer.values, data),
        )
        known = scorer.metadata.get("allpass", {}) | self._facts(scorer.values, data)
        other.metadata["allpass"] = known
        return self.weighed(other, data)

    def _filter(self, values: NDArray[np.float64], data: Interactions) -> Filter:
        first, last = float(values[0]), float(values[values > 0][-1])
        weight = self._weight(data) / last**self.power
        return Filter(self.exponent, self.power, weight, self.hop / first**3)

    def _facts(self, values: NDArray[np.float64], data: Interactions) -> dict[str, float]:
        kept = values[values > 0]
        return {
            "rank": len(kept),
            "weight": self._weight(data),
            "largest": float(kept[0]),
            "smallest": float(kept[-1]),
        }

    def _rank(self, data: Interactions) -> int:
        if self.rank is not None:
            return self.rank
        most = min(MOST, most_pairs((data.n_users, data.n_items)))
        return min(most, pairs_above_chance(weighted_csr(data), self.seed))

    def _weight(self, data: Interactions) -> float:
        if self.weight is not None:
            return self.weight
        return TRUST / chance_edge(weighted_csr(data)) ** 3
