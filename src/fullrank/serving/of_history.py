"""What the scorers share that rank by a user's history and a matrix of training interactions."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor

from fullrank.data.interactions import Interactions
from fullrank.data.weights import power, user_strength, weighted_csr
from fullrank.serving.stored_checks import csr_tensors
from fullrank.serving.weighed import Weighed


class OfHistory(Weighed):
    """A scorer that is linear in histories, by a matrix of training interactions."""

    matrix: sp.csr_array
    """(n, n_items) float32, the normalised interactions R of training."""
    _rows: sp.csr_array
    """(n_users, n_items) what the users have, as the scorer takes it."""

    @property
    def n_users(self) -> int:
        """Users of the history."""
        return int(self._rows.shape[0])

    @property
    def n_items(self) -> int:
        """Columns of R."""
        return int(self.matrix.shape[1])

    def by_history(self, user: int) -> Tensor:
        """(h, n_items) what each item of a user's history adds to the scores, in ascending order.

        The scores are linear in the history, the user's own norm as it is.
        """
        alone = copy.copy(self)
        alone._rows = one_each(self._rows, user)
        return alone.scores(torch.arange(alone.n_users))


def one_each(rows: sp.csr_array, user: int) -> sp.csr_array:
    """(h, n_items) a row for each entry of a user's row, with that entry alone."""
    entries = slice(rows.indptr[user], rows.indptr[user + 1])
    data, indices = rows.data[entries], rows.indices[entries]
    return sp.csr_array((data, indices, np.arange(len(data) + 1)), shape=(len(data), rows.shape[1]))


def normalised(history: Interactions, exponent: float, scale: NDArray[np.float32]) -> sp.csr_array:
    """(n_users, n_items) float32 rows ``d_u^-e x_u D`` for D with the diagonal ``scale``."""
    own = power(user_strength(history), -exponent)
    rows = sp.diags_array(own) @ weighted_csr(history) @ sp.diags_array(scale)
    return sp.csr_array(rows).astype(np.float32)


def kept(matrix: sp.csr_array, **arrays: NDArray[Any]) -> dict[str, Tensor]:
    """What a model folder keeps of R and of arrays, by name."""
    tensors = {name: torch.from_numpy(np.ascontiguousarray(a)) for name, a in arrays.items()}
    return tensors | csr_tensors("matrix", matrix)
