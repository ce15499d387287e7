"""What is recorded of the embeddings, after each epoch and of the model that is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from fullrank.data.interactions import Interactions
from fullrank.encoders import Pair
from fullrank.errors import FitError
from fullrank.serving.cold import Trained
from fullrank.spectrum import correlation, effective_rank


class Ranks:
    """Effective ranks of tables, of the rows with interactions.

    Rows that are never trained keep their random numbers: over all rows a table in which the
    others have collapsed can look balanced.

    Args:
        train: Whose users and items the rows are.
    """

    def __init__(self, train: Interactions) -> None:
        self.trained = Trained.of(train).rows
        self.without = sum(int((~rows).sum()) for rows in self.trained)

    def of(self, tables: Pair) -> float:
        """Of the tables that a method ranks with, which can overflow where its parameters do not.

        Raises:
            FitError: they hold NaN or infinity, or numbers too large for a spectrum.
        """
        try:
            return effective_rank(*tables, where=self.trained)
        except ValueError:
            raise FitError("embeddings", "numbers beyond measure", "a lower lr") from None

    def correlations(self, tables: Pair) -> dict[str, float]:
        """Equation 14 of the paper, for each side."""
        sides = zip(("user", "item"), tables, self.trained, strict=True)
        return {f"{side}_correlation": _correlation(table, rows) for side, table, rows in sides}

    def probe(
        self, tables: Callable[[], Pair], *, correlations: bool
    ) -> Callable[[], dict[str, float]]:
        """What a trainer records after each epoch."""

        def measured() -> dict[str, float]:
            now = tables()
            found = {"effective_rank": self.of(now)}
            return found | self.correlations(now) if correlations else found

        return measured

    def metadata(self, tables: Pair) -> dict[str, Any]:
        """For the metadata of a model; the figure over all rows stands beside.

        Raises:
            FitError: see `of`.
        """
        rank = self.of(tables)
        every = effective_rank(*tables) if self.without else rank
        return self.beside(rank, every)

    def beside(self, rank: float, of_all_rows: float) -> dict[str, Any]:
        """The same, of ranks that are known."""
        return {
            "effective_rank": rank,
            "effective_rank_all_rows": of_all_rows,
            "rows_without_interactions": self.without,
        }


def _correlation(table: Tensor, rows: Tensor) -> float:
    return correlation(table, where=(rows,))
