"""Whether a model's lists come from an index, and how much of it is searched: measured at load."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fullrank import native
from fullrank.extras import library
from fullrank.recommender import Recommender
from fullrank.service.access_log import say
from fullrank.service.candidates import IndexedTopK
from fullrank.service.index_files import lists_of
from fullrank.service.messages import PARTS, IndexFacts
from fullrank.serving import DotScorer, top_k
from fullrank.serving.frames import excluded

MANY = 1_000_000
"""Items beyond which there is an index unless it is refused."""
FEWEST = 1000
"""Items of which an index is made, where it is asked for."""
USERS, K = 200, 20
"""Whose lists are compared with the exact ones, and how long they are."""
ENOUGH, LOWEST = 0.99, 0.95
"""Recall that ends the search for an effort, and that below which the lists are exact."""
BY_INDEX = 0.5
"""Share of the users whose lists the index must give, or it is of no use."""


@dataclass(frozen=True, eq=False)
class Indexed:
    """The ranking of a model by its index, and what `GET /v1/model` says of it."""

    rank: IndexedTopK
    facts: IndexFacts


def indexed(name: str, model: Recommender, folder: Path, wanted: bool | None) -> Indexed | None:
    """The index of a model; None where its lists are exact, with the reason on standard error.

    Args:
        name: By which requests ask for the model.
        model: What was loaded.
        folder: Where it lies; the index is kept there.
        wanted: Whether to make one; if None, of more than `MANY` items.

    Raises:
        SettingError: it is wanted, and faiss is missing.
    """
    if wanted is False or (wanted is None and len(model.items) <= MANY):
        return None
    if wanted:
        library("faiss", "--ann")
    rows = np.flatnonzero(model._trained.items)
    reason = _against(model, len(rows))
    if reason is None:
        try:
            made = _measured(model, rows, folder)
        except (MemoryError, RuntimeError) as error:
            reason = f"no index could be made: {str(error) or type(error).__name__}"
        else:
            if made.facts.recall >= LOWEST:
                say(
                    f"index of {name}: recall@{K} {made.facts.recall:.4f} of exact lists over "
                    f"{made.facts.users} users, {made.facts.searched} of {made.facts.lists} "
                    "lists of items searched"
                )
                return made
            reason = f"recall@{K} {made.facts.recall:.4f} of an index at the most that it searches"
    say(f"model {name}: exact lists: {reason}")
    return None


def _against(model: Recommender, n_items: int) -> str | None:
    """Why there can be no index."""
    scorer = model.scorer
    if not isinstance(scorer, DotScorer):
        return f"{model.method} ranks by no inner product of embeddings, so there is no index"
    if not (scorer.on_cpu and native.available()):
        return "an index needs the compiled kernels"
    if find_spec("faiss") is None:
        return "an index needs faiss: pip install 'fullrank[export]'"
    if n_items < FEWEST or not model._trained.users.any():
        return f"{n_items:,} trained items are too few for an index"
    return None


def _measured(model: Recommender, rows: NDArray[np.int64], folder: Path) -> Indexed:
    """The index with the least effort whose recall is enough, or with the largest."""
    scorer = model.scorer
    assert isinstance(scorer, DotScorer)  # noqa: S101
    lists = lists_of(folder, scorer.item_table.numpy(), rows)
    trained, parts = model._trained, excluded(model._parts, PARTS)
    known = np.flatnonzero(trained.users)
    users = np.sort(np.random.default_rng(0).permutation(known)[:USERS])
    k, mask = min(K, len(rows)), trained.candidates()
    # With nothing left out fewer candidates are asked for, as of visitors who have little.
    kinds = [(each, top_k(scorer, users, k, exclude=each, candidates=mask)) for each in (parts, [])]
    rank = IndexedTopK(lists, rows, scorer.item_table, 1)
    facts = IndexFacts(0.0, len(users), 1, lists.n_lists)
    while rank.searched <= rank.most_searched:
        own = rank.by_index(users, k, parts)
        if own.mean() < BY_INDEX:
            break
        found = [rank(scorer, users[own], k, exclude=each, candidates=mask) for each, _ in kinds]
        shares = [
            recall(near.items, best.items[own])
            for near, (_, best) in zip(found, kinds, strict=True)
        ]
        facts = IndexFacts(min(shares), int(own.sum()), rank.searched, lists.n_lists)
        if facts.recall >= ENOUGH:
            break
        rank = IndexedTopK(lists, rows, scorer.item_table, 2 * rank.searched)
    return Indexed(IndexedTopK(lists, rows, scorer.item_table, facts.searched), facts)


def recall(found: NDArray[np.int32], wanted: NDArray[np.int32]) -> float:
    """Mean share of a user's exact list, (b, k) with -1 where it ends, that is in the one found."""
    there = [best[best >= 0] for best in wanted]
    shares = [
        len(np.intersect1d(own, best)) / max(1, len(best))
        for own, best in zip(found, there, strict=True)
    ]
    return float(np.mean(shares))
