"""Lists whose ties are broken in a fixed random order, for figures that no row number flatters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fullrank.data.interactions import Interactions
from fullrank.serving.scorers import Scorer
from fullrank.serving.top_k import BLOCK_BYTES, Ranking, top_k

SEED = 0
"""Draws the order of items with equal scores. Part of what a figure means."""


def tie_order(n_items: int) -> NDArray[np.int64]:
    """(n_items,) place of each item among those with its score."""
    return np.random.default_rng(SEED).permutation(n_items)


def fair_top_k(
    scorer: Scorer,
    rows: NDArray[np.int64],
    k: int,
    *,
    exclude: Sequence[Interactions] = (),
    candidates: NDArray[np.bool_] | None = None,
    block_bytes: int = BLOCK_BYTES,
) -> Ranking:
    """As `top_k`, equal scores in `tie_order` in the place of the item rows.

    Only lists with a tie are made anew, and only as deep as their last tie goes.
    """
    n_items = scorer.n_items

    def best(users: NDArray[np.int64], depth: int) -> Ranking:
        return top_k(
            scorer,
            users,
            depth,
            exclude=exclude,
            candidates=candidates,
            block_bytes=block_bytes,
        )

    first = best(rows, k + 1)
    items, scores = first.items[:, :k].copy(), first.scores[:, :k].copy()
    order = tie_order(n_items)
    left, depth = np.flatnonzero(_ties(first.scores).any(axis=1)), k + 1
    while len(left):
        depth = min(depth, n_items)
        step = max(1, block_bytes // (16 * depth))  # two int64 for each place of a tied list
        unfinished = []
        for start in range(0, len(left), step):
            block = left[start : start + step]
            found = best(rows[block], depth)
            cut = min(k, depth)
            whole = found.scores[:, -1] < found.scores[:, cut - 1]
            done = whole | (depth == n_items) | np.isneginf(found.scores[:, -1])
            ordered = _ordered(found.items[done], order, found.scores[done])
            items[block[done], :cut] = ordered[:, :cut]
            unfinished.append(block[~done])
        left, depth = np.concatenate(unfinished), 4 * depth
    return Ranking(first.users, items, scores)


def tied_at(ranking: Ranking, k: int) -> NDArray[np.bool_]:
    """(U,) whether ranks k and k + 1 have one score, so that chance chose who is in the list.

    The ranking is longer than k.
    """
    tied: NDArray[np.bool_] = _ties(ranking.scores)[:, k - 1]
    return tied


def _ties(scores: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(U, depth - 1) whether each rank has the score of the next."""
    same: NDArray[np.bool_] = (scores[:, :-1] == scores[:, 1:]) & ~np.isneginf(scores[:, 1:])
    return same


def _ordered(
    items: NDArray[np.int32], order: NDArray[np.int64], scores: NDArray[np.float32]
) -> NDArray[np.int32]:
    """Lists sorted by (-score, order of the item)."""
    by = np.lexsort((order[items], -scores), axis=1)
    return np.take_along_axis(items, by, axis=1)
