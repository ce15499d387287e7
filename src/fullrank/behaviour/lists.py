"""What the checks look at: lists of a sample of users, with and without what they have had."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fullrank.behaviour.values import Unmeasured
from fullrank.data.interactions import Interactions
from fullrank.recommender import KNOWN, Recommender
from fullrank.serving import Scorer
from fullrank.serving.cold import Trained
from fullrank.serving.frames import excluded
from fullrank.serving.top_k import Ranking, top_k

USERS = 2000
"""Users in the sample."""
SCORES = 10**8
"""Scores that are sorted whole, in all."""
Rows = NDArray[np.int64]
Items = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Sample:
    """A model with a sample of its trained users.

    Args:
        model: What is looked at.
        users: (U,) their rows.
        seed: What they were drawn by.
    """

    model: Recommender
    users: Rows
    seed: int

    @classmethod
    def of(cls, model: Recommender, seed: int = 0, users: int = USERS) -> Sample:
        """Up to so many users with training interactions."""
        trained = np.flatnonzero(model.train.user_degree > 0)
        drawn = np.random.default_rng(seed).permutation(trained)[:users]
        return cls(model, np.sort(drawn), seed)

    @cached_property
    def trained(self) -> Trained:
        """Which users and items training has seen."""
        return self.model._trained

    @property
    def seen(self) -> list[Interactions]:
        """What is left out of lists: train, validation and what is never to be shown."""
        return excluded(self.model._parts, KNOWN)

    def lists(self, k: int, *, scorer: Scorer | None = None, seen: bool = False) -> Items:
        """(U, k) the best trained items of each user; -1 where none is left.

        Args:
            k: How many.
            scorer: What ranks; that of the model if absent.
            seen: Whether items that a user has are among them.
        """
        return self.ranked(k, scorer=scorer, seen=seen).items

    def ranked(self, k: int, *, scorer: Scorer | None = None, seen: bool = False) -> Ranking:
        """As `lists`, with scores."""
        by = self.model.scorer if scorer is None else scorer
        exclude = [] if seen else self.seen
        candidates = self.trained.candidates()
        return top_k(by, self.users, min(k, by.n_items), exclude=exclude, candidates=candidates)

    @cached_property
    def first_twenty(self) -> Items:
        """(U, 20) `lists`, made once: four checks look at them."""
        return self.lists(20)

    @cached_property
    def popular(self) -> Scorer:
        """Ranks by popularity."""
        return self.trained.scorer(self.model.train.n_users)

    def places(self) -> NDArray[np.float64]:
        """(n,) mean place of a user's own train items among all: 1 the first, 0 the last.

        Of as many users of the sample as can be ranked in seconds. Items of equal scores share
        their mean place.
        """
        users = self.users[:: -(-len(self.users) * self.model.train.n_items // SCORES)]
        found = np.empty(len(users))
        train, last = self.model.train, max(self.trained.items.sum() - 1, 1)
        known = torch.from_numpy(np.flatnonzero(self.trained.items))
        for at, user in enumerate(users):
            scores = self.model.scorer.scores(torch.tensor([user]))[0].cpu()
            every = scores[known].sort().values
            had = train.item_idx[train.indptr[user] : train.indptr[user + 1]]
            own = scores[torch.from_numpy(had.astype(np.int64))]
            below = torch.searchsorted(every, own)
            equal = torch.searchsorted(every, own, right=True) - below
            found[at] = float((below + (equal - 1) / 2).double().mean()) / float(last)
        return found


def overlap(one: Items, other: Items) -> NDArray[np.float64]:
    """(U',) share of the items of each list of ``one`` that are in that of ``other``.

    Of the lists that have an item.

    Raises:
        Unmeasured: none has, as where users have had all items.
    """
    filled = (one >= 0).any(axis=1)
    if not filled.any():
        raise Unmeasured("no list has an item that its user has not had")
    one, other = one[filled], other[filled]
    shared = (one[:, :, None] == other[:, None, :]) & (one >= 0)[:, :, None]
    return np.asarray(shared.any(axis=2).sum(axis=1) / (one >= 0).sum(axis=1), dtype=np.float64)


def recall(lists: Items, users: Rows, test: Interactions, wanted: NDArray[np.bool_]) -> Any:
    """(U,) share of each user's test items of a kind that are in the list; NaN without any.

    Args:
        lists: (U, k)
        users: (U,) their rows.
        test: What was held out.
        wanted: (n_items,) the items of the kind.
    """
    found = np.full(len(users), np.nan)
    for at, user in enumerate(users):
        own = test.item_idx[test.indptr[user] : test.indptr[user + 1]]
        own = own[wanted[own]]
        if len(own):
            found[at] = np.isin(own, lists[at]).mean()
    return found
