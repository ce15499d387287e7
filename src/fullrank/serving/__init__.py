"""From a fitted model to ranked lists: scorers, exact top-k, frames, fold-in and model files."""

from fullrank.serving.allpass_scorer import AllPassScorer
from fullrank.serving.filter_scorer import FilterScorer
from fullrank.serving.scorers import DotScorer, ItemScorer, Scorer
from fullrank.serving.sgfcf_scorer import IndividualScorer
from fullrank.serving.spectral_scorer import SpectralScorer
from fullrank.serving.top_k import Ranking, top_k

__all__ = [
    "AllPassScorer",
    "DotScorer",
    "FilterScorer",
    "IndividualScorer",
    "ItemScorer",
    "Ranking",
    "Scorer",
    "SpectralScorer",
    "top_k",
]
