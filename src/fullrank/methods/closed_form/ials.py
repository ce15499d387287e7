"""iALS: weighted squared loss over all pairs, least squares in turn."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from pydantic import Field

from fullrank.data.interactions import Interactions
from fullrank.data.memory import check_memory
from fullrank.encoders import Observed, in_own_basis, least_squares_bytes, solved, wide
from fullrank.errors import FitError
from fullrank.methods.base import ClosedFormMethod
from fullrank.methods.space import Span
from fullrank.serving.scorers import DotScorer
from fullrank.training.progress import Reporter, share_of

FIRST = 0.1
"""Length of an item's row before the first sweep, about."""


class IALS(ClosedFormMethod):
    """Alternating least squares."""

    name = "ials"
    summary = "weighted squared loss over all pairs, least squares in turn"
    source = "Hu et al., ICDM 2008; penalties as in Rendle et al., RecSys 2022"
    space = {
        "dim": (64, 128, 256),
        "regularization": Span(3e-4, 0.1, log=True),
        "confidence": Span(1.0, 300.0, log=True),
    }

    dim: int = Field(default=128, ge=2, lt=2**31)
    """Width of the embeddings."""
    regularization: float = Field(default=0.003, ge=0)
    """λ of the penalty, for each unit of a row's total confidence to the power ``exponent``."""
    confidence: float = Field(default=30.0, gt=0)
    """α: an observed pair of weight w has the confidence 1 + α w, w = 1 without weights, and every
    other pair 1 (Hu et al., equation 2)."""
    exponent: float = Field(default=1.0, ge=0, le=1)
    """ν: how much more the rows with many pairs are penalised, λ C^ν ‖x‖² where C is the sum of a
    row's confidences over all pairs; 0 penalises all rows alike, 1 each as its share of the loss
    (Rendle et al., equation 5)."""
    iterations: int = Field(default=16, ge=1, lt=2**31)
    """Sweeps over both sides."""

    @property
    def uses_weights(self) -> bool:
        """Confidences grow with them."""
        return True

    def solve(self, data: Interactions, device: str) -> DotScorer:
        """As `solve_reported`, in silence."""
        return self.solve_reported(data, device, None)

    def solve_reported(
        self, data: Interactions, device: str, reporter: Reporter | None
    ) -> DotScorer:
        """Users by items, then items by users, each row exactly, ``iterations`` times.

        Raises:
            SettingError: the tables do not fit into memory.
            FitError: rows that are not finite, or a penalty that leaves none above zero.
        """
        del device
        n = data.n_users + data.n_items
        check_memory("setting dim", 8 * n * self.dim, f"{n:,} × {self.dim:,} embeddings")
        needed = least_squares_bytes(self.dim)
        check_memory("setting dim", needed, f"matrices of {self.dim:,} × {self.dim:,}")
        matrix = extra_confidence(data, self.confidence)
        sides = [Observed.of(each) for each in (matrix, sp.csr_array(matrix.T))]
        others = data.n_items, data.n_users
        penalties = [self.penalty(side, n) for side, n in zip(sides, others, strict=True)]
        items = self._first_items(data.n_items)
        with share_of(reporter) as progress:
            for sweep in range(self.iterations):
                users = solved(sides[0], penalties[0], in_own_basis(items, self.dim))
                progress((2 * sweep + 1) / (2 * self.iterations))
                basis = in_own_basis(checked(users), self.dim)
                items = checked(solved(sides[1], penalties[1], basis))
                progress((sweep + 1) / self.iterations)
        tables = (table[:, : self.dim].copy() for table in (basis.table, items))
        return DotScorer(*map(torch.from_numpy, tables))

    def penalty(self, side: Observed, n_others: int) -> NDArray[np.float64]:
        """λ C^ν of each row of a side: (n,)."""
        rows = np.repeat(np.arange(len(side.order)), np.diff(side.indptr))
        extra = np.bincount(rows, weights=side.extra, minlength=len(side.order))
        penalty = self.regularization * (extra + n_others) ** self.exponent
        return penalty.astype(np.float64)

    def _first_items(self, n: int) -> NDArray[np.float32]:
        generator = torch.Generator().manual_seed(self.seed % 2**63)
        drawn = torch.randn(n, self.dim, generator=generator) * (FIRST / self.dim**0.5)
        return wide(drawn.numpy())


def extra_confidence(data: Interactions, alpha: float) -> sp.csr_array:
    """(n_users, n_items) float32: α w of each observed pair, by which its confidence exceeds 1."""
    matrix = sp.csr_array(data.csr().astype(np.float32))
    weight = np.ones(len(data), dtype=np.float32) if data.weight is None else data.weight
    extra = np.minimum(alpha * weight.astype(np.float64), np.finfo(np.float32).max)
    matrix.data = extra.astype(np.float32)
    return matrix


def checked(table: NDArray[np.float32]) -> NDArray[np.float32]:
    """The table.

    Raises:
        FitError: it has no number above zero, or one that is not finite.
    """
    largest = float(np.abs(table).max(initial=0))
    if largest == 0:
        raise FitError("method ials", "embeddings of zero", "a smaller regularization")
    if not np.isfinite(largest):
        expected = "finite ones: smaller confidence or a larger regularization"
        raise FitError("method ials", "embeddings that are not finite", expected)
    return table
