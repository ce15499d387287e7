"""Where workers get the pairs of their users from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fullrank.data import Interactions
from fullrank.scale.blocks import Sizes, UserBlock, cut


class Source(Protocol):
    """Where workers get their users from; it travels to each of them."""

    @property
    def sizes(self) -> Sizes:
        """Of the training part."""
        ...

    @property
    def parts(self) -> tuple[str, ...]:
        """``train``, and which there are of ``validation``, ``test`` and ``never``."""
        ...

    def block(self, part: str, first: int, last: int) -> UserBlock:
        """The users ``first .. last - 1`` of a part."""
        ...


@dataclass(frozen=True, eq=False)
class InMemory:
    """Parts in memory, as arrays that Ray's object store hands out without a copy."""

    sizes: Sizes
    arrays: Mapping[str, tuple[NDArray[np.int64], NDArray[np.int32]]]
    """indptr and item_idx of each part."""

    @classmethod
    def of(cls, parts: Mapping[str, Interactions]) -> InMemory:
        """The parts of a split, and the pairs that are never shown."""
        train = parts["train"]
        named = dict(parts) | ({} if train.never is None else {"never": train.never})
        sizes = Sizes(train.n_users, train.n_items, len(train))
        return cls(sizes, {name: (each.indptr, each.item_idx) for name, each in named.items()})

    @property
    def parts(self) -> tuple[str, ...]:
        """See `Source`."""
        return tuple(self.arrays)

    def block(self, part: str, first: int, last: int) -> UserBlock:
        """See `Source`."""
        indptr, item_idx = self.arrays[part]
        return cut(self.sizes, indptr, item_idx, first, last)
