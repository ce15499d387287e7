"""What a method takes of memory and time, before it is run: rough, and rather too much."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.linalg

from fullrank.data.interactions import Interactions
from fullrank.data.weights import weighted_csr
from fullrank.encoders import most_pairs, svd_bytes
from fullrank.methods import Method
from fullrank.methods.base import TrainedMethod
from fullrank.methods.closed_form.allpass import MOST
from fullrank.methods.closed_form.ease import LARGEST_CONDITION, condition
from fullrank.methods.closed_form.filtering import rank_for
from fullrank.methods.closed_form.ials_search import SWEEPS as IALS_SEARCH
from fullrank.methods.closed_form.slim import WHOLE
from fullrank.methods.registry import (
    BSPM,
    EASE,
    GFCF,
    IALS,
    SGFCF,
    SLIM,
    AllPass,
    ChebyCF,
    Popularity,
    Spectral,
)

ENTRY = 12
"""Bytes of a stored entry while it is summed: a float64 and a column."""
ROWS = 1024
"""Rows of an item × item product that methods make at a time."""
SPARSE = 2e-8
"""Seconds for a product of two entries of sparse matrices, sums and sorting with it."""
SOLVE = 2.5e-3
"""Seconds to solve for the weights of an item on a hundred others."""
EDGES = 1.5e9
"""Products a second of a column with an entry of the graph, while users are ranked."""
MOST_OF = {BSPM: 448, ChebyCF: 512, GFCF: 256, SGFCF: 512}
"""Singular pairs of graph filters at most, where their number is by rule."""
PASSES = 12
"""Times that a singular pair is multiplied with the matrix and with its basis."""
PROBE = 1000
"""Rows of the matrix that tells how fast this machine multiplies."""


@dataclass(frozen=True)
class Costs:
    """Of methods on some data."""

    data: Interactions

    def memory(self, method: Method) -> int:
        """Bytes at the height of a fit, beside the data; an upper bound as far as it goes."""
        n, nnz = self.data.n_items, len(self.data)
        both = self.data.n_users + n
        copies = 3 * ENTRY * nnz
        match method:
            case Popularity():
                return 8 * both
            case EASE():
                matrix = weighted_csr(self.data)
                exact = condition(matrix, method.penalty(matrix)) > LARGEST_CONDITION
                return (12 if exact else 4) * n**2 + 8 * min(ROWS, n) * n + copies
            case AllPass() | Spectral():
                shape, rank = (self.data.n_users, n), self.rank(method)
                return svd_bytes(shape, rank) + 8 * both * rank + copies
            case BSPM() | ChebyCF() | GFCF() | SGFCF():
                shape, rank = (self.data.n_users, n), self.filter_rank(method) or 0
                return svd_bytes(shape, rank) + 8 * (both + 2 * n) * rank + 2 * copies
            case IALS():
                return 20 * both * method.dim + copies
            case TrainedMethod():
                return 4 * 16 * both * method.dim + copies
        neighbours = min(n, getattr(method, "neighbours", None) or n)
        block = min(ROWS * n, int(self.pairs))
        stored = min(n * neighbours, int(self.pairs))
        whole = (8 + ENTRY) * n**2 if isinstance(method, SLIM) and n <= WHOLE else 0
        return ENTRY * (2 * stored + 2 * block) + whole + copies

    def seconds(self, method: Method) -> float:
        """What a fit of a method without epochs takes, about."""
        n, nnz = self.data.n_items, len(self.data)
        both = self.data.n_users + n
        match method:
            case Popularity():
                return 0.0
            case EASE():
                return n**3 / self.dense + SPARSE * self.pairs
            case AllPass() | Spectral():
                return self._decomposed(self.rank(method))
            case BSPM() | ChebyCF() | GFCF() | SGFCF():
                hops = {BSPM: 5, ChebyCF: getattr(method, "order", 1)}.get(type(method), 1)
                ranked = 2 * hops * nnz * self.data.n_users / EDGES
                return self._decomposed(self.filter_rank(method) or 0) + ranked
            case IALS():
                degrees = np.concatenate((self.data.user_degree, self.data.item_degree))
                solves = method.dim * float((degrees * np.minimum(degrees, method.dim)).sum())
                sweeps = method.iterations + (IALS_SEARCH if method.regularization is None else 0)
                return sweeps * 2 * (solves + 2 * both * method.dim**2) / self.dense
            case SLIM():
                solves = n * SOLVE * (min(n, method.neighbours) / 100) ** 2
                return SPARSE * self.pairs + solves
        return SPARSE * self.pairs

    def _decomposed(self, rank: int) -> float:
        """What so many singular pairs take."""
        both = self.data.n_users + self.data.n_items
        products = PASSES * rank * (2 * len(self.data) + 2 * both * rank / 4)
        return products / self.dense * 2

    def filter_rank(self, method: Method) -> int | None:
        """Singular pairs of a graph filter, as set or by rule; None of other methods."""
        if not isinstance(method, BSPM | ChebyCF | GFCF | SGFCF):
            return None
        return rank_for(self.data, method.rank, MOST_OF[type(method)])

    @cached_property
    def pairs(self) -> float:
        """Pairs of items that users have, counted once for each user."""
        return float(np.square(self.data.user_degree.astype(np.float64)).sum())

    @cached_property
    def dense(self) -> float:
        """Operations a second of dense algebra, measured here; a Cholesky inverse of n rows has n³.

        It only decides what is left out for want of time.
        """
        matrix, took = np.eye(PROBE, dtype=np.float32), []
        for _ in range(4):  # the first call loads the library, and others may be at work
            began = time.perf_counter()
            scipy.linalg.lapack.spotri(scipy.linalg.lapack.spotrf(matrix)[0])
            took.append(time.perf_counter() - began)
        return float(PROBE**3 / max(min(took), 1e-4))

    def rank(self, method: AllPass | Spectral) -> int:
        """Singular pairs at most."""
        most = most_pairs((self.data.n_users, self.data.n_items))
        return min(most, MOST if method.rank is None else method.rank)
