"""Lists under rules: pools of the best candidates from the exact top-k, slots filled from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from fullrank.rules.alike import likeness_of
from fullrank.rules.bound import Bound
from fullrank.rules.cells import Cells, cells_at, others
from fullrank.rules.damping import DampedScorer
from fullrank.rules.draws import counts_of, keys_of
from fullrank.rules.slots import Calibration, Filling, Limit, fill
from fullrank.serving.scorers import Scorer
from fullrank.serving.served import Served
from fullrank.serving.steady import at_rows
from fullrank.serving.top_k import Left, Ranking, top_k

MEMORY = 1 << 22
"""Numbers of a temporary array, of users × items or users × pool × categories."""
MOST_USERS = 4096


@dataclass(frozen=True)
class Lists:
    """Lists of some users, in their order."""

    ranking: Ranking
    drawn: NDArray[np.bool_]
    """(U, k) slots that exploration drew."""


def lists_of(
    served: Served,
    bound: Bound,
    rows: NDArray[np.int64],
    ids: pl.Series,
    k: int,
    *,
    exclude: Sequence[Left] = (),
    candidates: NDArray[np.bool_] | None = None,
    by_popularity: bool = True,
) -> Lists:
    """The lists of some users, those that training has not seen from the popular items.

    A list has the same bits whoever else is asked for: see `fullrank.serving.steady`.

    Args:
        served: What is ranked with.
        bound: The rules.
        rows: (U,) user rows, -1 for a user whom the model does not know.
        ids: (U,) their raw ids, by which per-user rules and exploration know them.
        k: Length of the lists.
        exclude: Interactions whose items their users do not get.
        candidates: (n_items,) which items may be recommended, whatever the rules say.
        by_popularity: Whether known users without training interactions get the popular items,
            too, or what the scorer has for their rows.
    """
    if bound.candidates is not None:
        candidates = bound.candidates if candidates is None else candidates & bound.candidates
    items = np.full((len(rows), k), -1, dtype=np.int32)
    scores = np.full((len(rows), k), -np.inf, dtype=np.float32)
    drawn = np.zeros((len(rows), k), dtype=np.bool_)
    for at, scorer, own in _groups(served, rows, by_popularity):
        if damping := bound.rules.popularity_damping:
            scorer = DampedScorer(scorer, served.trained.popularity, damping)
        step = max(1, min(MOST_USERS, MEMORY // max(scorer.n_items, 1)))
        for start in range(0, len(at), step):
            chosen = at[start : start + step]
            users = _Users(served, bound, rows[chosen], ids.gather(chosen), k)
            left = [*(cells_at(each, rows[chosen]) for each in exclude), *users.hidden()]
            base = at_rows(scorer, own[start : start + step])
            items[chosen], scores[chosen], drawn[chosen] = users.lists(base, left, candidates)
    return Lists(Ranking(rows, items, scores), drawn)


def _groups(
    served: Served, rows: NDArray[np.int64], by_popularity: bool
) -> Iterator[tuple[NDArray[np.int64], Scorer, NDArray[np.int64]]]:
    """Positions of users with what ranks for them and their rows in it: trained ones, and others.

    Whoever training has not seen is one user, with the popular items.
    """
    cold = served.trained.cold(rows) if by_popularity else rows < 0
    warm, others = np.flatnonzero(~cold), np.flatnonzero(cold)
    if len(warm):
        yield warm, served.scorer, rows[warm]
    if len(others):
        yield others, served.trained.scorer(1), np.zeros(len(others), dtype=np.int64)


@dataclass(frozen=True)
class _Users:
    """A block of users."""

    served: Served
    bound: Bound
    rows: NDArray[np.int64]
    ids: pl.Series
    k: int

    def hidden(self) -> list[Cells]:
        """What the rules by user leave out."""
        made = []
        if self.bound.deny is not None:
            users, cells = self.bound.deny
            made.append(cells_at(cells, users.rows(self.ids)))
        if self.bound.allow is not None:
            users, cells = self.bound.allow
            named = users.rows(self.ids)
            made.append(others(cells_at(cells, named), named >= 0))
        return made

    def lists(
        self, base: Scorer, left: Sequence[Left], candidates: NDArray[np.bool_] | None
    ) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.bool_]]:
        """(b, k) items, their scores, and which were drawn."""
        masks: dict[str, Any] = {"exclude": left, "candidates": candidates}
        everyone, shape = np.arange(len(self.rows)), (len(self.rows), self.k)
        if not self.bound.rules.by_slot:
            best = top_k(base, everyone, self.k, **masks)
            return best.items, best.scores, np.zeros(shape, dtype=np.bool_)
        items = np.full(shape, -1, dtype=np.int32)
        scores = np.full(shape, -np.inf, dtype=np.float32)
        drawn = np.zeros(shape, dtype=np.bool_)
        n_codes = self.bound.categories.n_codes if self.bound.categories else 0
        unfilled, size = everyone, min(max(self.bound.rules.pool, 2 * self.k), base.n_items)
        while len(unfilled):
            short = []
            step = max(1, MEMORY // max(8 * size, n_codes))
            for start in range(0, len(unfilled), step):
                at = unfilled[start : start + step]
                pool = top_k(base, at, size, **masks)
                width = max(int((pool.items >= 0).sum(axis=1).max(initial=0)), 1)
                found = pool.items[:, :width]
                filled = fill(found, pool.scores[:, :width], self._filling(at, found))
                there = filled.slots >= 0
                slots = np.where(there, filled.slots, 0)
                items[at] = np.where(there, np.take_along_axis(pool.items, slots, 1), -1)
                scores[at] = np.where(there, np.take_along_axis(pool.scores, slots, 1), -np.inf)
                drawn[at] = filled.drawn
                # A limit may leave slots empty that a candidate beyond the pool can fill.
                short.append(at[~there.all(axis=1) & (pool.items[:, -1] >= 0)])
            unfilled = np.concatenate(short) if size < base.n_items else everyone[:0]
            size = min(4 * size, base.n_items)
        return items, scores, drawn

    def _filling(self, at: NDArray[np.int64], pool: NDArray[np.int32]) -> Filling:
        rules, bound = self.bound.rules, self.bound
        return Filling(
            self.k,
            rules.diversity,
            likeness_of(self.served) if rules.diversity else None,
            [
                Limit(bound.limits[name].of_items(pool), most)
                for name, most in rules.at_most.items()
            ],
            self._calibration(at, pool),
            counts_of(rules.exploration * self.k, rules.seed, self.ids.gather(at)),
            keys_of(rules.seed, self.ids.gather(at), pool) if rules.exploration else None,
        )

    def _calibration(self, at: NDArray[np.int64], pool: NDArray[np.int32]) -> Calibration | None:
        if self.bound.categories is None:
            return None
        shares = self.bound.categories.shares()
        cells = cells_at(self.served.train, self.rows[at])
        ones = np.ones(len(cells.item_idx))
        own = sp.csr_array((ones, cells.item_idx, cells.indptr), shape=(len(at), cells.n_items))
        sums = np.asarray((own @ shares).toarray())
        total = sums.sum(axis=1, keepdims=True)
        history = sums / np.where(total > 0, total, 1.0)
        labels = self.bound.categories.of_items(pool)
        return Calibration(history, labels, self.bound.rules.calibration)
