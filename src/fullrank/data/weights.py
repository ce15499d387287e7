"""Weights of interactions, as methods use them; without weights, what the same pairs count."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from fullrank.data.interactions import Interactions


def weighted_csr(data: Interactions) -> sp.csr_array:
    """The users × items matrix of weights; binary without them."""
    matrix = data.csr()
    if data.weight is not None:
        matrix.data = data.weight
    return matrix


def user_strength(data: Interactions) -> NDArray[Any]:
    """Sum of the weights of each user, ``(n_users,)``; the number of items without weights."""
    if data.weight is None:
        return data.user_degree
    return np.bincount(data.user_idx, weights=data.weight, minlength=data.n_users)


def item_strength(data: Interactions) -> NDArray[Any]:
    """Sum of the weights of each item, ``(n_items,)``; the number of users without weights."""
    if data.weight is None:
        return data.item_degree
    return np.bincount(data.item_idx, weights=data.weight, minlength=data.n_items)


def power(strength: NDArray[Any], exponent: float) -> NDArray[np.float64]:
    """``strength ** exponent``; 1 where there are no interactions."""
    scaled: NDArray[np.float64] = np.where(strength > 0, strength, 1.0) ** exponent
    return scaled
