"""From inner products to cosines and Euclidean distances, with one dimension more."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Metric = Literal["ip", "cosine", "l2"]
BLOCK = 2**16
"""Rows whose lengths are computed in float64 at a time."""


def extended(users: Floats, items: Floats, metric: Metric) -> tuple[Floats, Floats]:
    """Rows of which the nearest by ``metric`` are those of largest inner product.

    An item v gets the dimension ``√(M² - ‖v‖²)``, with M the largest length of an item, and a user
    0. Then all items have the length M, so that ``cos = u·v / (‖u‖ M)`` and
    ``‖u - v‖² = ‖u‖² + M² - 2 u·v`` order the items of a user as ``u·v`` does. Rows stay as they
    are for ``ip``.

    Shapes: ``users`` (n_users, d), ``items`` (n_items, d); returns (n_users, d + 1) and
    (n_items, d + 1).
    Source: Bachrach et al., RecSys 2014, section 3.
    """
    if metric == "ip":
        return users, items
    blocks = (items[start : start + BLOCK] for start in range(0, len(items), BLOCK))
    square = np.concatenate(
        [np.zeros(0), *(np.square(each, dtype=np.float64).sum(axis=1) for each in blocks)]
    )
    rest = np.sqrt(np.maximum(square.max(initial=0) - square, 0))
    nothing = np.zeros((len(users), 1), dtype=np.float32)
    return np.hstack([users, nothing]), np.hstack([items, rest[:, None].astype(np.float32)])


def nearest(users: Floats, items: NDArray[Any], k: int, metric: Metric) -> NDArray[np.int64]:
    """(n_users, k) the exact nearest rows of each user in float64, ties by row."""
    items = np.asarray(items, dtype=np.float64)
    lengths = np.square(items).sum(axis=1)
    found = np.empty((len(users), k), dtype=np.int64)
    for at, user in enumerate(users.astype(np.float64)):
        scores = items @ user
        if metric == "cosine":
            scores /= np.sqrt(np.where(lengths > 0, lengths, 1))
        elif metric == "l2":
            scores = 2 * scores - lengths
        found[at] = np.argsort(-scores, kind="stable")[:k]
    return found
