"""What a model folder keeps of each kind of scorer, and the scorer that it stands for."""

from __future__ import annotations

from torch import Tensor

from fullrank.data.interactions import Interactions
from fullrank.errors import DataError
from fullrank.serving.allpass_scorer import AllPassScorer
from fullrank.serving.filter_scorer import FilterScorer
from fullrank.serving.scorers import DotScorer, HistoryScorer, ItemScorer, Tensors
from fullrank.serving.sgfcf_scorer import IndividualScorer
from fullrank.serving.spectral_scorer import SpectralScorer

Stores = AllPassScorer | DotScorer | FilterScorer | IndividualScorer | ItemScorer | SpectralScorer
"""Scorers that a folder can hold."""
_KINDS: dict[str, type[Stores]] = {
    "users": DotScorer,
    "coefficients": FilterScorer,
    "exponents": IndividualScorer,
    "vectors": SpectralScorer,
    "factors": AllPassScorer,
    "weights": ItemScorer,
    "weights.data": ItemScorer,
}
"""Which scorer a folder holds, by the name of a tensor that only this one has."""


def tensors_of(scorer: DotScorer | HistoryScorer) -> dict[str, Tensor]:
    """What a model folder keeps of a fitted method, by name."""
    if not isinstance(scorer, Stores):
        raise TypeError(f"found {type(scorer).__name__}; expected a scorer of fullrank.serving")
    return scorer.tensors()


def scorer_of(tensors: Tensors, train: Interactions, device: str) -> DotScorer | HistoryScorer:
    """The scorer of what `tensors_of` gave.

    Raises:
        DataError: the tensors are of no scorer.
    """
    for name, kind in _KINDS.items():
        if name in tensors:
            return kind.from_tensors(tensors, train, device)
    raise DataError("tables of the model", f"tensors {sorted(tensors)}", f"one of {list(_KINDS)}")
