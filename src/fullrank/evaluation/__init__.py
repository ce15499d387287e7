"""Exact rankings, metrics per user, and the protocols that say what a number means."""

from fullrank.evaluation.evaluate import Evaluation, evaluate
from fullrank.evaluation.protocols import PROTOCOLS, Protocol
from fullrank.evaluation.ranking import Ranking, top_k
from fullrank.evaluation.scorers import DotScorer, ItemScorer, Scorer, SpectralScorer

__all__ = [
    "PROTOCOLS",
    "DotScorer",
    "Evaluation",
    "ItemScorer",
    "Protocol",
    "Ranking",
    "Scorer",
    "SpectralScorer",
    "evaluate",
    "top_k",
]
