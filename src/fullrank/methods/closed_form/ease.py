"""EASE: items regressed on items, a dense matrix in closed form."""

from __future__ import annotations

import numpy as np
import scipy.linalg
from numpy.typing import NDArray
from pydantic import Field

from fullrank.data.interactions import Interactions
from fullrank.data.memory import available_memory
from fullrank.data.weights import weighted_csr
from fullrank.errors import FitError
from fullrank.methods.base import ClosedFormMethod
from fullrank.methods.space import Span
from fullrank.serving.scorers import ItemScorer

ROWS = 1024
"""Rows of the weights that are made at a time."""


class EASE(ClosedFormMethod):
    """A dense item × item regression."""

    name = "ease"
    summary = "items regressed on items, a dense matrix in closed form"
    source = "Steck, WWW 2019, equation 8"
    space = {"ridge": Span(10.0, 2000.0, log=True)}

    ridge: float = Field(default=250.0, gt=0)
    """λ of the penalty."""

    @property
    def uses_weights(self) -> bool:
        """X holds them."""
        return True

    def solve(self, data: Interactions, device: str) -> ItemScorer:
        """``B = I - P / diag(P)``, ``P = (XᵀX + λ I)⁻¹``.

        Raises:
            FitError: the dense item × item matrices do not fit into the memory of this machine.
        """
        del device
        check_memory(data.n_items)
        matrix = weighted_csr(data).astype(np.float64)
        gram = np.asarray((matrix.T @ matrix).todense(), order="F")
        gram[np.diag_indices(data.n_items)] += self.ridge
        return ItemScorer(data, _weights(_inverse(gram)))


def check_memory(n: int) -> None:
    """Sees that three n × n matrices fit.

    Raises:
        FitError: they do not.
    """
    needed, there = 3 * 8 * n**2, available_memory()
    if there is not None and needed > there:
        found = f"{there / 2**30:.1f} GiB of free memory"
        wanted = f"{needed / 2**30:.1f} GiB for three {n:,} × {n:,} matrices, or another method"
        raise FitError("method ease", found, wanted)


def _inverse(gram: NDArray[np.float64]) -> NDArray[np.float64]:
    """The lower triangle of the inverse, in the place of the matrix."""
    factor, failed = scipy.linalg.lapack.dpotrf(gram, lower=1, overwrite_a=1, clean=0)
    if not failed:
        factor, failed = scipy.linalg.lapack.dpotri(factor, lower=1, overwrite_c=1)
    if failed:
        raise FitError("method ease", "a matrix that cannot be inverted", "a larger ridge")
    inverse: NDArray[np.float64] = factor
    return inverse


def _weights(factor: NDArray[np.float64]) -> NDArray[np.float32]:
    n = len(factor)
    diagonal = factor.diagonal().copy()
    weights = np.empty((n, n), dtype=np.float32)
    for start in range(0, n, ROWS):  # the lower triangle is the whole: P is symmetric
        rows = slice(start, start + ROWS)
        upto = min(start + ROWS, n)
        block = np.zeros((upto - start, n))
        block[:, :upto] = factor[rows, :upto]
        block[:, start:] = np.where(
            np.arange(start, n) > np.arange(start, upto)[:, None],
            factor[start:, rows].T,
            block[:, start:],
        )
        weights[rows] = block / -diagonal
    weights[np.diag_indices(n)] = 0
    return weights
