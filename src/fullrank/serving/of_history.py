"""What the scorers share that rank by a user's history and a matrix of training interactions."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor

from fullrank.data.interactions import Interactions
from fullrank.data.weights import power, user_strength, weighted_csr
from fullrank.serving.stored_checks import csr_tensors


class OfHistory(ABC):
    """A scorer with histories that can be others: users who were not in training need no more."""

    matrix: sp.csr_array
    """(n, n_items) float32, the normalised interactions R of training."""
    _rows: sp.csr_array
    """(n_users, n_items) what the users have, as the scorer takes it."""

    @abstractmethod
    def _use(self, history: Interactions) -> None:
        """Takes the histories of other users; raises FitError where a score could be infinite."""

    @property
    def n_users(self) -> int:
        """Users of the history."""
        return int(self._rows.shape[0])

    @property
    def n_items(self) -> int:
        """Columns of R."""
        return int(self.matrix.shape[1])

    def of(self, history: Interactions) -> Self:
        """The same model for other users."""
        other = copy.copy(self)
        other._use(history)
        return other


def normalised(history: Interactions, exponent: float, scale: NDArray[np.float32]) -> sp.csr_array:
    """(n_users, n_items) float32 rows ``d_u^-e x_u D`` for D with the diagonal ``scale``."""
    own = power(user_strength(history), -exponent)
    rows = sp.diags_array(own) @ weighted_csr(history) @ sp.diags_array(scale)
    return sp.csr_array(rows).astype(np.float32)


def kept(matrix: sp.csr_array, **arrays: NDArray[Any]) -> dict[str, Tensor]:
    """What a model folder keeps of R and of arrays, by name."""
    tensors = {name: torch.from_numpy(np.ascontiguousarray(a)) for name, a in arrays.items()}
    return tensors | csr_tensors("matrix", matrix)
