"""The pairs of a table in blocks of consecutive users, one or more of which a worker owns."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fullrank.data.blocks import blocks


@dataclass(frozen=True)
class Sizes:
    """Of a whole table, wherever its blocks are."""

    users: int
    items: int
    pairs: int

    @property
    def n_users(self) -> int:
        """As `Interactions` calls them."""
        return self.users

    @property
    def n_items(self) -> int:
        """Likewise."""
        return self.items


@dataclass(frozen=True, eq=False)
class UserBlock:
    """The pairs of users ``first .. first + n - 1``, with items in ascending order for each user.

    Args:
        whole: Sizes of the table that it is a block of.
        first: Row number of its first user.
        first_pair: How many pairs the users before it have.
        indptr: (n + 1,) int64, from 0.
        item_idx: (m,) int32; may be mapped from a file.
    """

    whole: Sizes
    first: int
    first_pair: int
    indptr: NDArray[np.int64]
    item_idx: NDArray[np.int32]

    @property
    def users(self) -> int:
        """Users in it, n."""
        return len(self.indptr) - 1

    @property
    def pairs(self) -> int:
        """Pairs in it, m."""
        return int(self.indptr[-1])

    def item_degree(self) -> NDArray[np.int64]:
        """(items,) how many of its pairs each item has."""
        found = np.zeros(self.whole.items, dtype=np.int64)
        for part in blocks(self.pairs):  # they may be mapped from a file
            found += np.bincount(self.item_idx[part], minlength=len(found))
        return found


def bounds(rows: int, workers: int) -> NDArray[np.int64]:
    """(workers + 1,) where each worker's consecutive rows begin and end, as even as can be.

    >>> bounds(10, 4).tolist()
    [0, 2, 5, 7, 10]
    """
    return np.arange(workers + 1, dtype=np.int64) * rows // workers


def cut(
    whole: Sizes,
    indptr: NDArray[np.int64],
    item_idx: NDArray[np.int32],
    first: int,
    last: int,
) -> UserBlock:
    """The block of users ``first .. last - 1`` of a part in memory; its pairs are a view.

    Args:
        whole: Sizes of the table; its pairs are those of this part.
        indptr: (users + 1,) of the part.
        item_idx: (pairs,) of the part.
        first: The first user of the block.
        last: The first user after it.
    """
    start, stop = int(indptr[first]), int(indptr[last])
    sizes = replace(whole, pairs=len(item_idx))
    return UserBlock(sizes, first, start, indptr[first : last + 1] - start, item_idx[start:stop])
