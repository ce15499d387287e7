"""Losses: pure functions of tensors, each its formula."""

from fullrank.objectives.pairwise import bce, bpr
from fullrank.objectives.positive import euclidean_positive, log_positive

__all__ = ["bce", "bpr", "euclidean_positive", "log_positive"]
