"""How the weights of interactions are read: as given, by their logarithm, or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from fullrank.data.interactions import Interactions
from fullrank.data.order import Pairs

Way = Literal["given", "log", "none"]
"""``log``: ``ln(1 + w / m)`` with m the median weight of train. Far below m it is in proportion
to w, so that old interactions that have decayed stay small; far above it an interaction that
counts a thousand times as much as another does not silence it."""
WAYS: tuple[Way, ...] = ("given", "log", "none")


@dataclass(frozen=True)
class Weighting:
    """A way to read weights, and the median that it is relative to."""

    way: Way = "given"
    median: float = 1.0

    @classmethod
    def of(cls, way: Way, train: Interactions) -> Self:
        """The way, by the weights of train; without weights there is nothing to read."""
        if train.weight is None or not len(train):
            return cls()
        return cls(way, float(np.median(train.weight)))

    @classmethod
    def stored_in(cls, metadata: Mapping[str, Any]) -> Self:
        """What `metadata` put among those of training."""
        said = metadata.get("weighting")
        return cls() if said is None else cls(said["way"], float(said["median"]))

    @property
    def metadata(self) -> dict[str, Any]:
        """For the metadata of training; empty where weights are as given."""
        return {} if self.way == "given" else {"weighting": asdict(self)}

    def values(self, weight: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n,) positive weights as they are read."""
        if self.way == "given":
            return weight
        if self.way == "none":
            return np.ones_like(weight)
        read = np.log1p(weight.astype(np.float64) / self.median)
        # A weight far below the median stays one: zero would be no interaction.
        return np.maximum(read, np.finfo(np.float32).tiny).astype(np.float32)

    def read(self, data: Interactions) -> Interactions:
        """The same pairs with their weights as they are read; without any for ``none``."""
        if self.way == "given" or data.weight is None:
            return data
        weight = None if self.way == "none" else self.values(data.weight)
        rows, merged = data.rows, data.merged
        pairs = Pairs(data.indptr, data.item_idx, weight, data.timestamp, merged, rows)
        made = Interactions._of(data.users, data.items, pairs)
        made.never = data.never
        return made
