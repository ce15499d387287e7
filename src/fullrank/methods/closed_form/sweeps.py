"""Sweeps of least squares over both sides of the interactions."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from fullrank.data.interactions import Interactions
from fullrank.encoders import Observed, WholeLoss, in_own_basis, solved

Table = NDArray[np.float32]
"""(n, d) rows, or wider by columns of zeros."""


class Sweeps:
    """Least squares in turn: all users by the items as they are, then all items by those users.

    Args:
        data: The observed pairs.
        loss: Confidences, and how penalties grow; λ is given to each run.
        items: (n_items, wide) the item table to begin with.
        dim: Of its columns, those that count.
    """

    def __init__(self, data: Interactions, loss: WholeLoss, items: Table, dim: int) -> None:
        matrix = loss.above_one(data)
        self._pairs = [Observed.of(each) for each in (matrix, sp.csr_array(matrix.T))]
        unit, others = loss._replace(regularization=1.0), (data.n_items, data.n_users)
        self._units = [
            unit.penalties(pairs, n) for pairs, n in zip(self._pairs, others, strict=True)
        ]
        self._dim = dim
        self.users = np.zeros((data.n_users, items.shape[1]), dtype=np.float32)
        """(n_users, wide), in the basis of ``items``."""
        self.items = items

    def run(self, regularization: float, sweeps: int = 1) -> None:
        """So many sweeps with that λ."""
        of_users, of_items = (regularization * each for each in self._units)
        for _ in range(sweeps):
            users = solved(self._pairs[0], of_users, in_own_basis(self.items, self._dim))
            basis = in_own_basis(users, self._dim)
            self.users, self.items = basis.table, solved(self._pairs[1], of_items, basis)

    def tables(self) -> tuple[Table, Table]:
        """Users and items, (n, d) each, made anew."""
        return self.users[:, : self._dim].copy(), self.items[:, : self._dim].copy()

    def edge(self) -> float:
        """Up to where λ with ν = 1 would leave nothing of pairs drawn at random, about.

        Where all of ``N = (1 + a) / √(C_u C_i)`` is chance, its singular values end at
        ``‖N‖ (1 / √n_users + 1 / √n_items)``; least squares keep of N what is above λ. For other
        ν in units of the mean penalty.
        """
        users, items = self._pairs
        totals = [self._confidences(side) for side in (0, 1)]
        rows = np.repeat(np.arange(len(users.order)), np.diff(users.indptr))
        one = 1 + users.extra.astype(np.float64)
        square = float((one**2 / (totals[0][rows] * totals[1][users.indices])).sum())
        n = [np.count_nonzero(np.diff(side.indptr)) for side in (users, items)]
        scale = np.sqrt(
            np.prod([c.mean() / unit.mean() for c, unit in zip(totals, self._units, strict=True)])
        )
        return float(np.sqrt(square) * np.sum(1 / np.sqrt(np.maximum(n, 1))) * scale)

    def _confidences(self, side: int) -> NDArray[np.float64]:
        """(n,) the sum of each row's confidences over all pairs."""
        pairs, others = self._pairs[side], len(self._pairs[1 - side].order)
        return WholeLoss(1.0, 1.0, 1.0).penalties(pairs, others)
