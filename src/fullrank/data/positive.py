"""Weights as they are kept: float32, above zero, of pairs that are interactions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullrank.errors import DataError

Rows = NDArray[Any]


def positive(
    user_idx: Rows, item_idx: Rows, weight: Rows, timestamp: Rows | None
) -> tuple[Rows, Rows, Rows, Rows | None]:
    """The rows whose weight is above zero; a row of weight zero is no interaction.

    Nor is one whose weight is zero once it is kept, as float32.
    """
    with np.errstate(over="ignore"):
        kept = weight.astype(np.float32) > 0
    if kept.all():
        return user_idx, item_idx, weight, timestamp
    timestamp = None if timestamp is None else timestamp[kept]
    return user_idx[kept], item_idx[kept], weight[kept], timestamp


def float32(weight: Rows) -> NDArray[np.float32]:
    """Weights as float32.

    Raises:
        DataError: one is too large.
    """
    with np.errstate(over="ignore"):
        narrow = weight.astype(np.float32)
    if not np.isfinite(narrow).all():
        found = f"{weight[~np.isfinite(narrow)][0]:g}"
        raise DataError("weights", found, f"numbers up to {np.finfo(np.float32).max:.3g}")
    return narrow
