"""Scorers over some users of another, whose scores do not depend on who else is asked for."""

from __future__ import annotations

import copy
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fullrank import native
from fullrank.serving.scorers import DotScorer, Scorer

ROWS = 8
"""Users whose scores are made at a time, where a product of so many rounds each row alike."""
_AT_ONCE: WeakKeyDictionary[Scorer, int] = WeakKeyDictionary()


class SteadyScorer:
    """The scores of another scorer for some of its users, in blocks of one size.

    A float32 matrix product may round otherwise for another number of rows, and in another row of
    one product. Here every product has `rows_at_once`, the last one repeated where there are fewer,
    so a user's scores have the same bits whether one user is asked for or all.

    Args:
        scorer: Gives the scores.
        rows: (b,) its user rows, which are rows 0 to b - 1 here.
    """

    def __init__(self, scorer: Scorer, rows: NDArray[np.int64]) -> None:
        self.scorer, self._rows = scorer, torch.from_numpy(rows)
        self._at_once = rows_at_once(getattr(scorer, "scorer", scorer), self._rows[:1])

    @property
    def n_users(self) -> int:
        """Users that there are."""
        return len(self._rows)

    @property
    def n_items(self) -> int:
        """Items of the scorer."""
        return self.scorer.n_items

    def scores(self, users: Tensor) -> Tensor:
        """(b, n_items), as of the scorer."""
        rows = self._rows[users]
        starts = range(0, len(rows), self._at_once)
        return torch.cat([self._block(rows[start : start + self._at_once]) for start in starts])

    def _block(self, rows: Tensor) -> Tensor:
        full = torch.cat([rows, rows[-1:].expand(self._at_once - len(rows))])
        return self.scorer.scores(full)[: len(rows)]


def rows_at_once(scorer: Scorer, row: Tensor) -> int:
    """`ROWS`, or 1 where a block of the same row alone has other bits from one row to the next.

    Which of them a kernel of a BLAS treats alike depends on the processor. It is tried once.

    Args:
        scorer: Gives the scores.
        row: (1,) a row of it that has some.
    """
    if scorer not in _AT_ONCE:
        block = scorer.scores(row.expand(ROWS))
        _AT_ONCE[scorer] = ROWS if bool((block == block[:1]).all()) else 1
    return _AT_ONCE[scorer]


def at_rows(scorer: Scorer, rows: NDArray[np.int64]) -> Scorer:
    """The scorer of some users, rows 0 to b - 1; the kernels' own, which are steady, where they do.

    Not to be used by a block of users that is empty.
    """
    if isinstance(scorer, DotScorer) and scorer.on_cpu and native.available():
        chosen = copy.copy(scorer)
        chosen.user_table = scorer.user_table[torch.from_numpy(rows)].contiguous()
        return chosen
    return SteadyScorer(scorer, rows)
