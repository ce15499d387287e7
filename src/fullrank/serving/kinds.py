"""The scorers that a folder can hold, but for blends of them."""

from __future__ import annotations

from fullrank.data.interactions import Interactions
from fullrank.errors import DataError
from fullrank.serving.allpass_scorer import AllPassScorer
from fullrank.serving.filter_scorer import FilterScorer
from fullrank.serving.scorers import DotScorer, ItemScorer, Tensors
from fullrank.serving.sgfcf_scorer import IndividualScorer
from fullrank.serving.spectral_scorer import SpectralScorer

Single = AllPassScorer | DotScorer | FilterScorer | IndividualScorer | ItemScorer | SpectralScorer
"""A scorer of one method."""
KINDS: dict[str, type[Single]] = {
    "users": DotScorer,
    "coefficients": FilterScorer,
    "exponents": IndividualScorer,
    "vectors": SpectralScorer,
    "factors": AllPassScorer,
    "weights": ItemScorer,
    "weights.data": ItemScorer,
}
"""Which scorer it is, by the name of a tensor that only this one has."""


def single_of(tensors: Tensors, train: Interactions) -> Single:
    """The scorer of what its ``tensors()`` gave.

    Raises:
        DataError: the tensors are of no scorer.
    """
    for name, kind in KINDS.items():
        if name in tensors:
            return kind.from_tensors(tensors, train)
    raise DataError("tables of the model", f"tensors {sorted(tensors)}", f"one of {list(KINDS)}")
