"""Which numbers of a row a step keeps: a function of the pair, not of when or where it is drawn.

So a run that goes on from a checkpoint, on other threads or in torch, leaves out what it would have
left out; ``dropout.h`` has the same bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullrank.data.sampling import Batch

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def pair_keys(batch: Batch) -> NDArray[np.uint64]:
    """(..., B) a number for each pair of a batch or of several: of user, item, first negative."""
    keys = _mixed(batch.user_idx.astype(np.uint64) + _GOLDEN)
    keys = _mixed(keys + batch.item_idx.astype(np.uint64) + _GOLDEN)
    if batch.negative_idx is None:
        return keys
    return _mixed(keys + batch.negative_idx[..., 0].astype(np.uint64) + _GOLDEN)


def kept(keys: NDArray[np.uint64], dim: int, share: float) -> NDArray[np.float32]:
    """(B, dim): zero for ``share`` of the numbers, on average, and ``1 / (1 - share)`` elsewhere.

    Args:
        keys: (B,).
        dim: Columns.
        share: In [0, 1).
    """
    columns = np.arange(1, dim + 1, dtype=np.uint64) * _GOLDEN
    drawn = _mixed(keys[:, None] + columns) >> np.uint64(32)
    return np.where(drawn >= int(share * 2**32), np.float32(1 / (1 - share)), np.float32(0))


def _mixed(x: NDArray[np.uint64]) -> NDArray[Any]:
    """The finaliser of splitmix64 (Steele et al., OOPSLA 2014)."""
    x = (x ^ x >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ x >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return x ^ x >> np.uint64(31)
