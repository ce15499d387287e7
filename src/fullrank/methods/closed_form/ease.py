"""EASE: items regressed on items, a dense matrix in closed form."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse as sp
from numpy.typing import NDArray
from pydantic import Field

from fullrank.data.interactions import Interactions
from fullrank.data.memory import available_memory
from fullrank.data.weights import weighted_csr
from fullrank.errors import FitError
from fullrank.methods.closed_form.popular import POPULARITY, ByPopularity
from fullrank.methods.closed_form.ridge import penalty
from fullrank.methods.space import Span
from fullrank.serving.filter_scorer import eigenvalue_bound
from fullrank.serving.scorers import ItemScorer

ROWS = 1024
"""Rows of a matrix that are made or changed at a time."""
LARGEST_CONDITION = 2000.0
"""Up to here float32 is exact to some 1e-4 of the largest weight: see the test."""
SHARE = 2.5
"""Of the rule for the ridge: the best on validation was 1.7 to 8 on six data sets."""
Dense = NDArray[np.floating[Any]]
"""An n × n matrix, float32 or float64, row by row."""


class EASE(ByPopularity):
    """A dense item × item regression."""

    name = "ease"
    summary = "items regressed on items, a dense matrix in closed form"
    source = "Steck, WWW 2019, equation 8"
    space = {"ridge": Span(10.0, 2000.0, log=True), "popularity": POPULARITY}

    ridge: float | None = Field(default=None, gt=0)
    """λ of the penalty. If absent, `SHARE` times how often the item of an interaction drawn at
    random is interacted with (in squared weights, if there are any)."""

    @property
    def uses_weights(self) -> bool:
        """X holds them."""
        return True

    def solve(self, data: Interactions, device: str) -> ItemScorer:
        """``B = I - P / diag(P)``, ``P = (XᵀX + λ I)⁻¹``.

        One n × n matrix holds XᵀX, its factor, P and B in turn: float32 where its condition allows,
        which takes half the time, else float64.

        Raises:
            FitError: the dense item × item matrix does not fit into the memory of this machine.
        """
        del device
        matrix = weighted_csr(data)
        ridge = self.penalty(matrix)
        exact = condition(matrix, ridge) > LARGEST_CONDITION
        check_memory(data.n_items, exact=exact)
        gram = gram_of(matrix, np.float64 if exact else np.float32)
        gram[np.diag_indices(data.n_items)] += ridge
        invert(gram)
        weights = to_weights(gram).astype(np.float32, copy=False)
        scorer = self.weighed(ItemScorer(data, weights), data)
        scorer.metadata["ease"] = {"ridge": ridge}
        return scorer

    def penalty(self, matrix: sp.csr_array) -> float:
        """λ on some data: what is given, or what the rule gives."""
        return penalty(matrix, SHARE) if self.ridge is None else self.ridge


def condition(matrix: sp.csr_array, ridge: float) -> float:
    """An upper bound on the condition of ``XᵀX + λ I``."""
    wide = sp.csr_array(matrix.astype(np.float64))
    return 1 + eigenvalue_bound(wide, sp.csr_array(wide.T)) / ridge


def check_memory(n: int, *, exact: bool) -> None:
    """Sees that an n × n matrix fits: float32, or ``exact`` in float64 and then float32 beside it.

    Raises:
        FitError: they do not.
    """
    each, name = (12, "float64 and a float32") if exact else (4, "float32")
    needed, there = each * n**2, available_memory()
    if there is not None and needed > there:
        found = f"{there / 2**30:.1f} GiB of free memory"
        wanted = f"{needed / 2**30:.1f} GiB for a {name} {n:,} × {n:,} matrix, or another method"
        raise FitError("method ease", found, wanted)


def gram_of(matrix: sp.csr_array, dtype: type[np.floating[Any]]) -> Dense:
    """``XᵀX`` in full, (n_items, n_items), summed in float64."""
    n = matrix.shape[1]
    wide = sp.csr_array(matrix.astype(np.float64))
    items = sp.csr_array(wide.T)
    gram = np.empty((n, n), dtype=dtype)
    for start in range(0, n, ROWS):
        gram[start : start + ROWS] = (items[start : start + ROWS] @ wide).toarray()
    return gram


def invert(gram: Dense) -> None:
    """Writes the upper triangle of the inverse in the place of the matrix, lower rows as they are.

    LAPACK counts by columns: what it calls the lower triangle is the upper one of our rows.

    Raises:
        FitError: the matrix is not positive definite.
    """
    letter = "s" if gram.dtype == np.float32 else "d"
    factor, failed = getattr(scipy.linalg.lapack, f"{letter}potrf")(
        gram.T, lower=1, overwrite_a=1, clean=0
    )
    if not failed:
        factor, failed = getattr(scipy.linalg.lapack, f"{letter}potri")(
            factor, lower=1, overwrite_c=1
        )
    if failed:
        raise FitError("method ease", "a matrix that cannot be inverted", "a larger ridge")
    if not np.shares_memory(factor, gram):  # LAPACK worked on a copy
        gram[:] = factor.T


def to_weights(inverse: Dense) -> Dense:
    """``-P / diag(P)`` of each column with a zero diagonal, in the place of P's upper triangle."""
    n = len(inverse)
    divisors = -inverse.diagonal().copy()
    for start in range(0, n, ROWS):  # P is symmetric: the rows below mirror those above
        rows = slice(start, min(start + ROWS, n))
        inverse[rows, :start] = inverse[:start, rows].T
        square = inverse[rows, rows]
        square[:] = np.triu(square) + np.triu(square, 1).T
    for start in range(0, n, ROWS):
        inverse[start : start + ROWS] /= divisors
    inverse[np.diag_indices(n)] = 0
    return inverse
