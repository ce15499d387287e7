"""Row numbers by hash: the rank of an id's hash among all distinct ones, found without a search.

So neither the order of the rows, nor the number of partitions, workers or blocks enters a number.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fullrank.data.blocks import blocks
from fullrank.data.store.hashing import Hashes


def distinct(hashes: Hashes) -> Hashes:
    """The distinct hashes in ascending order."""
    ordered = np.sort(hashes)
    return ordered[np.concatenate(([True], ordered[1:] != ordered[:-1]))[: len(ordered)]]


class Ranks:
    """The rank of each of many hashes among distinct ones, all of which are known.

    Hashes are uniform: a table over their first bits leads to within a step or two of the rank.

    Args:
        ordered: (n,) distinct, ascending.
    """

    def __init__(self, ordered: Hashes) -> None:
        self.ordered = ordered
        low, high = (int(ordered[at]) if len(ordered) else 0 for at in (0, -1))
        self._low = np.uint64(low)
        bits = max((high - low).bit_length() - max(len(ordered).bit_length() + 1, 1), 0)
        self._shift = np.uint64(min(bits, 63))
        prefix = ((ordered - self._low) >> self._shift).astype(np.int64)
        counts = np.bincount(prefix)
        self._starts = (np.cumsum(counts) - counts).astype(np.int32)

    def of(self, hashes: Hashes) -> NDArray[np.int32]:
        """(n,) the rank of each; those of hashes that are not among them mean nothing."""
        made = np.empty(len(hashes), dtype=np.int32)
        for block in blocks(len(hashes)):
            wanted = hashes[block]
            at = self._starts[((wanted - self._low) >> self._shift).astype(np.int64)]
            missed = np.flatnonzero(self.ordered[at] != wanted)
            while len(missed):
                at[missed] += 1
                missed = missed[self.ordered[at[missed]] != wanted[missed]]
            made[block] = at
        return made
