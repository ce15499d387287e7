"""The k-core: users and items that all have enough interactions with each other."""

from __future__ import annotations

import numpy as np

from fullrank.data.interactions import Interactions
from fullrank.errors import DataError


def k_core(data: Interactions, k_user: int, k_item: int) -> Interactions:
    """Drops users with fewer than ``k_user`` items and items with fewer than ``k_item`` users.

    Dropping one side thins the other, so this goes on until both hold; the result is the largest
    such part of ``data``, compacted to the rows that are left.

    Raises:
        DataError: nothing is left.
    """
    user_idx, item_idx = data.user_idx, data.item_idx
    positions = np.arange(len(data))
    while len(positions):
        enough = (np.bincount(user_idx, minlength=data.n_users) >= k_user)[user_idx]
        enough &= (np.bincount(item_idx, minlength=data.n_items) >= k_item)[item_idx]
        if enough.all():
            return data.select(positions).compact()
        positions, user_idx, item_idx = positions[enough], user_idx[enough], item_idx[enough]
    raise DataError(
        f"{k_user}-{k_item}-core of {len(data):,} interactions",
        "nothing left",
        "smaller numbers of interactions per user and item",
    )
