"""Exact rankings, metrics per user, and the protocols that say what a number means."""

from fullrank.evaluation.evaluate import Evaluation, evaluate
from fullrank.evaluation.protocols import PROTOCOLS, Protocol
from fullrank.evaluation.ranking import DotScorer, ItemScorer, Ranking, Scorer, top_k

__all__ = [
    "PROTOCOLS",
    "DotScorer",
    "Evaluation",
    "ItemScorer",
    "Protocol",
    "Ranking",
    "Scorer",
    "evaluate",
    "top_k",
]
