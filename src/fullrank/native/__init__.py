"""Compiled kernels for the hot loops; everything here has a slower twin elsewhere in torch."""

from fullrank.native.build import library, state
from fullrank.native.hops import Edges
from fullrank.native.search import PackedItems, observed, top_k, unpack
from fullrank.native.steps import PAIRWISE, VECTOR, LowRank, Moves, NegativeSteps, PairSteps, Side

__all__ = [
    "PAIRWISE",
    "VECTOR",
    "Edges",
    "LowRank",
    "Moves",
    "NegativeSteps",
    "PackedItems",
    "PairSteps",
    "Side",
    "library",
    "observed",
    "state",
    "top_k",
    "unpack",
]
