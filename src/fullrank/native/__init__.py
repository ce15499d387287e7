"""Compiled kernels for the hot loops; everything here has a slower twin elsewhere in torch."""

from fullrank.native.abi import CORES, cores
from fullrank.native.build import available, library, state
from fullrank.native.hops import Edges
from fullrank.native.least_squares import gram, rotated, solve_rows
from fullrank.native.search import PackedItems, observed, top_k, unpack
from fullrank.native.steps import PAIRWISE, VECTOR, LowRank, NegativeSteps, PairSteps
from fullrank.native.tables import OptimizerStep, ParameterTable

__all__ = [
    "CORES",
    "PAIRWISE",
    "VECTOR",
    "Edges",
    "LowRank",
    "NegativeSteps",
    "OptimizerStep",
    "PackedItems",
    "PairSteps",
    "ParameterTable",
    "available",
    "cores",
    "gram",
    "library",
    "observed",
    "rotated",
    "solve_rows",
    "state",
    "top_k",
    "unpack",
]
