"""What graph filters share: the normalised matrix, its singular vectors, projections on them."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from fullrank.data.interactions import Interactions
from fullrank.data.memory import check_memory
from fullrank.data.weights import item_strength, power, user_strength, weighted_csr
from fullrank.encoders import most_pairs, truncated_svd


def scaled(data: Interactions, user: float, item: float) -> sp.csr_array:
    """(n_users, n_items) float64: ``w d_u^-user d_i^-item`` for each pair, w = 1 without weights.

    d is the sum of the weights, the number of interactions without them.
    """
    users = sp.diags_array(power(user_strength(data), -user))
    items = sp.diags_array(power(item_strength(data), -item))
    return sp.csr_array(users @ weighted_csr(data).astype(np.float64) @ items)


def degrees(data: Interactions, exponent: float) -> NDArray[np.float32]:
    """(n_items,) ``d_i^exponent``, 1 of an item without interactions."""
    return power(item_strength(data), exponent).astype(np.float32)


def most_vectors(data: Interactions) -> int:
    """How many singular vectors the interactions have for `item_vectors`."""
    return max(1, most_pairs((data.n_users, data.n_items)))


def rank_for(data: Interactions, rank: int | None, most: int) -> int:
    """The rank as set; without one, a sixteenth of the smaller side, from 16 to ``most``.

    Published ranks are for tens of thousands of users and items; on a thousand they keep the noise.
    """
    if rank is not None:
        return rank
    return min(most_vectors(data), max(16, min(most, min(data.n_users, data.n_items) // 16)))


def bounded(data: Interactions, rank: int | None) -> dict[str, int]:
    """The bound on a rank that was set, as `Method.largest` gives it."""
    return {} if rank is None else {"rank": most_vectors(data)}


def item_vectors(matrix: sp.csr_array, rank: int, seed: int) -> NDArray[np.float32]:
    """(n_items, rank) right singular vectors of the largest singular values.

    Raises:
        SettingError: they do not fit into memory.
    """
    check_vectors(matrix.shape, rank)
    vectors: NDArray[np.float32] = truncated_svd(matrix, rank, seed).items.numpy()
    return vectors


def check_vectors(shape: tuple[int, ...], rank: int) -> None:
    """Sees that the singular vectors of a matrix fit; Lanczos' method holds them twice.

    Raises:
        SettingError: they do not.
    """
    n = sum(shape)
    check_memory("setting rank", 2 * 8 * n * rank, f"{n:,} × {rank:,} singular vectors")


def projection(vectors: NDArray[np.float32], before: NDArray[np.float32]) -> NDArray[np.float32]:
    """(2, n_items, r): the two factors of ``B V Vᵀ B⁻¹`` with the diagonal B."""
    return np.stack((before[:, None] * vectors, vectors / before[:, None]))


def no_projection(n_items: int) -> NDArray[np.float32]:
    """(2, n_items, 0): the factors of no part of low rank."""
    return np.zeros((2, n_items, 0), dtype=np.float32)
