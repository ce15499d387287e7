"""Bins of items or users by how many interactions they have, with round edges."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LEADING = (1.0, 1.6, 3.0, 5.0, 8.0)
"""First digits of the edges, in every power of ten."""
SMALLEST = 0.005
"""Least share of all interactions in a bin below the last."""
FEWEST = 5
"""Least number of rows in the last bin."""


def edges_of(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Lower edges of bins, ascending, the first 0; small bins are merged with the next.

    Args:
        sizes: (n,) interactions of each row.
    """
    powers = 10.0 ** np.arange(len(str(int(sizes.max(initial=1)))))
    edges = np.unique(np.ceil(np.outer(powers, LEADING)).astype(np.int64))
    while len(edges) > 1 and (sizes >= edges[-1]).sum() < FEWEST:
        edges = edges[:-1]
    kept = [int(edges[-1])]
    for edge in edges[-2::-1]:
        if sizes[(sizes >= edge) & (sizes < kept[0])].sum() >= SMALLEST * sizes.sum():
            kept.insert(0, int(edge))
    kept[0] = 0  # what lies below the lowest edge is too little for a bin of its own
    return np.array(kept, dtype=np.int64)


def bin_of(sizes: NDArray[np.int64], edges: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n,) the bin of each row."""
    return np.asarray(np.searchsorted(edges, sizes, side="right") - 1)
