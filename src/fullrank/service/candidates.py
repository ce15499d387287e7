"""Lists from an index: candidates near a user, then their exact scores and the exact order.

The scores are made by the kernels that rank all items, from a small table of the candidates, so
that an item has the bits that it has in an exact list. What an index may miss is an item, never a
score, an order among those found, or what is to be left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from fullrank.exporting.inverted import InvertedLists
from fullrank.rules.cells import Cells, others
from fullrank.serving import DotScorer, Ranking, Scorer, top_k
from fullrank.serving.top_k import Left, cells_of

SLACK = 12
"""Candidates beyond those that a list needs: some lie within float32's rounding of the last."""
LEAST = 32
"""Candidates asked for, the number that `searched` of a user is meant for; others are its powers
of two."""
GROWTH = 4
"""Times the candidates, where too many of them were left out."""
WORTH = 8
"""The part of the lists, one in so many, beyond which the exact search takes as long."""
FEW = 4096
"""Items that may be recommended up to which each of them is a candidate."""
PAIRS = 2048
"""Candidates of some users that are scored in one product."""

Rows = NDArray[np.int64]


class IndexedTopK:
    """`top_k` of the scorers over one item table, from an index where it is worth it.

    A list is a function of its user, its length and what is left out, whoever else is asked for.

    Args:
        lists: Of the rows of the item table.
        rows: (n,) the items that the lists are of, ascending.
        table: The scorer's item table.
        searched: Lists to search for `LEAST` candidates; more for more.
    """

    def __init__(
        self, lists: InvertedLists, rows: Rows, table: torch.Tensor, searched: int
    ) -> None:
        self.lists, self.searched = lists, searched
        self._rows = np.append(rows, -1)  # what is not found stays so
        self._table = table

    @property
    def most_searched(self) -> int:
        """Lists of one search at most."""
        return max(1, self.lists.n_lists // WORTH)

    def __call__(
        self,
        scorer: Scorer,
        users: Rows,
        k: int,
        *,
        exclude: Sequence[Left] = (),
        candidates: NDArray[np.bool_] | None = None,
    ) -> Ranking:
        """As `top_k`, with items that are in the index."""
        if not isinstance(scorer, DotScorer) or scorer.item_table is not self._table:
            return top_k(scorer, users, k, exclude=exclude, candidates=candidates)
        allowed = len(self._table) if candidates is None else np.count_nonzero(candidates)
        n = len(self._rows) - 1
        if candidates is not None and allowed < min(n, max(FEW, 2 * k)):
            return self._of_few(scorer, users, k, exclude, candidates)
        size = self._sizes(users, k, exclude, min(1.0, allowed / n))
        items = np.full((len(users), k), -1, dtype=np.int32)
        scores = np.full((len(users), k), -np.inf, dtype=np.float32)
        todo = np.arange(len(users))
        while len(todo):
            exact = self._beyond(size[todo])
            if exact.any():
                own = todo[exact]
                part = top_k(scorer, users[own], k, exclude=exclude, candidates=candidates)
                items[own], scores[own] = part.items, part.scores
            short = [todo[:0]]
            for own in _alike(todo[~exact], size):
                found = self._found(scorer, users[own], k, size[own[0]], exclude, candidates)
                items[own], scores[own], enough = found
                short.append(own[~enough])
            todo = np.concatenate(short)
            size[todo] *= GROWTH
        return Ranking(users, items, scores)

    def by_index(self, users: Rows, k: int, exclude: Sequence[Left]) -> NDArray[np.bool_]:
        """(b,) whose lists of all items the index gives; those of the others are exact."""
        return ~self._beyond(self._sizes(users, k, exclude, 1.0))

    def _beyond(self, size: Rows) -> NDArray[np.bool_]:
        """(b,) whether so many candidates are better found by the exact search."""
        most_items = (len(self._rows) - 1) // WORTH
        return (self._effort(size) > self.most_searched) | np.asarray(size > most_items)

    def _effort(self, size: Rows) -> Rows:
        """Lists to search for so many candidates: farther down a ranking they lie in more lists."""
        return np.asarray(self.searched * size // LEAST, dtype=np.int64)

    def _sizes(self, users: Rows, k: int, exclude: Sequence[Left], share: float) -> Rows:
        """(b,) candidates to ask for: a list, what is left out of it, and some."""
        left = np.zeros(len(users), dtype=np.int64)
        for each in exclude:
            left += each.indptr[users + 1] - each.indptr[users]
        wanted = np.maximum((k + left) / max(share, 1e-9) + SLACK, LEAST)
        return np.asarray(2 ** np.ceil(np.log2(wanted)), dtype=np.int64)

    def _found(
        self,
        scorer: DotScorer,
        users: Rows,
        k: int,
        size: np.int64,
        exclude: Sequence[Left],
        candidates: NDArray[np.bool_] | None,
    ) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.bool_]]:
        """(b, k) items and scores, and (b,) whether no item of as good a score can be missing."""
        table = scorer.user_table.numpy()[users]
        effort = int(self._effort(np.array(size)))
        near = self._rows[self.lists.nearest(table, int(size), effort)]
        ranked = scored(scorer, users, near)
        kept = ranked.items >= 0
        for each in exclude:
            kept &= ~among(ranked.items, users, each)
        if candidates is not None:
            kept &= candidates[ranked.items]
        # Of the candidates that stay the first k, in their order.
        place = np.argsort(~kept, axis=1, kind="stable")[:, :k]
        at = np.arange(len(users))[:, None]
        there = kept[at, place]
        items = np.where(there, ranked.items[at, place], -1)
        scores = np.where(there, ranked.scores[at, place], -np.inf)
        # An item that was not found may have the score of the last one, and come before it.
        enough = there[:, -1] & (scores[:, -1] > ranked.scores.min(axis=1, initial=np.inf))
        return items, scores, enough

    def _of_few(
        self,
        scorer: DotScorer,
        users: Rows,
        k: int,
        exclude: Sequence[Left],
        candidates: NDArray[np.bool_],
    ) -> Ranking:
        """The exact lists of a few items: a table of these alone."""
        rows = np.flatnonzero(candidates)
        masks = [restricted(each, users, rows) for each in exclude]
        return scored_rows(scorer, users, rows, k, masks)


def _alike(todo: Rows, size: Rows) -> Iterator[Rows]:
    """Users that are asked for as many candidates, as many as one product is for."""
    for each in np.unique(size[todo]).tolist():
        same, step = todo[size[todo] == each], max(1, PAIRS // each)
        yield from (same[start : start + step] for start in range(0, len(same), step))


def scored(scorer: DotScorer, users: Rows, near: Rows) -> Ranking:
    """The candidates of each user by exact score, equal ones by row.

    All are in one product, of which each user's list leaves out the candidates of the others.

    Shapes: ``users`` (b,), ``near`` (b, m) item rows or -1; the ranking has m places.
    """
    rows, at = np.unique(near, return_inverse=True)
    position, found = np.arange(len(users)).repeat(near.shape[1]), near.ravel() >= 0
    missing = int(len(rows) > 0 and rows[0] < 0)
    own = Cells.of(position[found], at.ravel()[found] - missing, len(users), len(rows) - missing)
    foreign = others(own, np.ones(len(users), dtype=np.bool_))
    return scored_rows(scorer, users, rows[missing:], near.shape[1], [foreign])


def scored_rows(
    scorer: DotScorer, users: Rows, rows: Rows, k: int, exclude: Sequence[Left]
) -> Ranking:
    """The best of some items, ascending ``rows``, with their scores among all.

    ``exclude`` is in positions of ``users`` and ``rows``.
    """
    if not len(rows):
        nothing = np.full((len(users), k), -np.inf, dtype=np.float32)
        return Ranking(users, np.full((len(users), k), -1, dtype=np.int32), nothing)
    small = DotScorer(
        scorer.user_table[torch.from_numpy(users)], scorer.item_table[torch.from_numpy(rows)]
    )
    ranking = top_k(small, np.arange(len(users)), k, exclude=exclude)
    items = np.where(ranking.items < 0, -1, rows[ranking.items]).astype(np.int32)
    return Ranking(users, items, ranking.scores)


def restricted(left: Left, users: Rows, rows: Rows) -> Cells:
    """What of some users' items is among ``rows``, in positions of both."""
    user, item = cells_of(left, users)
    at = np.searchsorted(rows, item)
    there = np.append(rows, -1)[at] == item
    return Cells.of(user[there], at[there], len(users), len(rows))


def among(items: NDArray[np.int32], users: Rows, left: Left) -> NDArray[np.bool_]:
    """(b, m) which of the items of each user are among those to leave out."""
    user, item = cells_of(left, users)
    own = np.arange(len(users))[:, None] * left.n_items + items
    return np.isin(own, user * left.n_items + item)
