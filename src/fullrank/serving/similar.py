"""Items near items: what a fitted method ranks items by when it is asked with an item."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fullrank.data.ids import Ids
from fullrank.data.interactions import Interactions
from fullrank.data.order import Pairs
from fullrank.serving import frames, top_k
from fullrank.serving.scorers import DotScorer, HistoryScorer, Scorer
from fullrank.spectrum import unit_rows


@dataclass(frozen=True)
class ItemSpace:
    """Scores between items. Costly to make, the same for every item that is asked for.

    Of embeddings it takes the memory of the item table for the unit rows and, on the CPU, once more
    for their packed copy.
    """

    scorer: Scorer
    """Has a row for each item in the place of users."""
    itself: Interactions
    """Each item with itself, which is not to be recommended."""
    candidates: NDArray[np.bool_] | None = None
    """(n_items,) the trained items; None for all. An untrained one has random neighbours."""

    @classmethod
    def of(
        cls,
        scorer: DotScorer | HistoryScorer,
        items: Ids,
        candidates: NDArray[np.bool_] | None = None,
    ) -> Self:
        """Cosines of embeddings, or the method's own weights where it has those in their place."""
        n = len(items)
        itself = Interactions._of(
            items, items, Pairs(np.arange(n + 1), np.arange(n, dtype=np.int32))
        )
        if not isinstance(scorer, DotScorer):
            return cls(scorer.of(itself), itself, candidates)
        unit = unit_rows(scorer.item_table)
        return cls(DotScorer(unit, unit), itself, candidates)

    def nearest(self, rows: NDArray[np.int64], k: int) -> pl.DataFrame:
        """The k nearest items of some rows: item_id, similar_item_id, [title,] score, rank.

        An item without training interactions has no neighbours, and is none.
        """
        items, columns = self.itself.items, ("item_id", "similar_item_id")
        if self.candidates is not None:
            rows = rows[self.candidates[rows]]
        ranking = top_k(
            self.scorer,
            rows,
            min(k, len(items)),
            exclude=[self.itself],
            candidates=self.candidates,
        )
        return frames.as_frame(ranking, items.raw(rows), items, columns)[0]
