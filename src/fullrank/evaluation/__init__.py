"""Metrics per user, and the protocols that say what a number means."""

from fullrank.evaluation.evaluate import Evaluation, evaluate
from fullrank.evaluation.protocols import PROTOCOLS, Protocol

__all__ = ["PROTOCOLS", "Evaluation", "Protocol", "evaluate"]
