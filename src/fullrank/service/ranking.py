"""A model as it is served: the lists of many requests in one product, with the bits of each alone.

Every list has the items and the scores of `Recommender.recommend`. Where the compiled kernels
multiply, the scores of a user do not depend on who else is asked for (see `top_k`), so requests
are ranked together; of other scorers each request is ranked by itself, as Python would.

Where there is an index (`indexing`), it takes the place of `top_k`; see `candidates`.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from fullrank import native
from fullrank.data.ids import Ids
from fullrank.data.interactions import Interactions
from fullrank.data.order import Pairs
from fullrank.errors import DataError
from fullrank.recommender import Recommender
from fullrank.service.indexing import Indexed
from fullrank.service.lookups import Lookup
from fullrank.service.messages import ModelName, SpectrumAnswer
from fullrank.serving import Ranking, top_k
from fullrank.serving.cold import Rank, rank_served
from fullrank.serving.finite import finite_table
from fullrank.serving.fold_in import folded_rows
from fullrank.serving.frames import excluded
from fullrank.serving.once import Once
from fullrank.serving.scorers import DotScorer, Scorer

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class UsersJob:
    """Lists for users of the model, -1 for one that it does not know."""

    rows: Rows
    k: int
    exclude: tuple[str, ...] = ()
    candidates: NDArray[np.bool_] | None = None
    """Which items may be recommended; None for all."""

    @property
    def size(self) -> int:
        """Users to rank for."""
        return len(self.rows)


@dataclass(frozen=True, eq=False)
class SessionJob:
    """The list of a visitor, from the ascending item rows of the history."""

    items: Rows
    k: int
    candidates: NDArray[np.bool_] | None = None

    @property
    def size(self) -> int:
        """Users to rank for."""
        return 1


Job = UsersJob | SessionJob


class Served:
    """A loaded model.

    Args:
        name: By which requests ask for it.
        model: What was loaded.
        folder: Where it lies.
        version: What answers name.
        max_k: Length of the longest list.
    """

    def __init__(
        self, name: str, model: Recommender, folder: Path, version: str, max_k: int
    ) -> None:
        self.model, self.folder = model, folder
        self.name = ModelName(name, version)
        self.scorer: Scorer = model.scorer
        self.trained = model._trained
        self.users = Lookup(model.users, model.train.user_degree)
        self.items = Lookup(model.items, self.trained.popularity)
        self.measured: Once[SpectrumAnswer] = Once()
        self.index: Indexed | None = None
        self._parts = model._parts
        self._candidates = self.trained.candidates()
        self._popular = self._rank(np.full(1, -1), min(max_k, len(model.items)))

    @property
    def together(self) -> bool:
        """Whether several requests in one product have the bits of each alone."""
        return isinstance(self.scorer, DotScorer) and self.scorer.on_cpu and native.available()

    @property
    def _search(self) -> Rank:
        """What ranks all items."""
        return top_k if self.index is None else self.index.rank

    def warm(self) -> None:
        """Makes what the first requests would wait for."""
        first = np.zeros(min(1, len(self.users.ids)), dtype=np.int64)
        self.rank([UsersJob(first, 1)])
        for lookup in (self.users, self.items):
            lookup.rows(["a"])
        with suppress(DataError):  # of users who were folded in, from before their map was kept
            self.rank([SessionJob(np.flatnonzero(self.trained.items)[:1], 1)])

    def candidates(self, mask: NDArray[np.bool_] | None) -> NDArray[np.bool_] | None:
        """Which trained items of a mask may be recommended."""
        return self._candidates if mask is None else self.trained.candidates(mask)

    def rank(self, jobs: Sequence[Job]) -> list[Ranking]:
        """The ranking of each job, in their order.

        Raises:
            FitError: a score is NaN or infinity.
        """
        groups: dict[object, list[int]] = {}
        for at, job in enumerate(jobs):
            alone = job.candidates is not None or not self.together
            kind = job.exclude if isinstance(job, UsersJob) else type(job)
            # A longer list from an index does not begin with the shorter one.
            length = 0 if self.index is None else job.k
            groups.setdefault(at if alone else (kind, length), []).append(at)
        found: dict[int, Ranking] = {}
        for places in groups.values():
            group = [jobs[at] for at in places]
            users = [job for job in group if isinstance(job, UsersJob)]
            sessions = [job for job in group if isinstance(job, SessionJob)]
            ranked = self._of_users(users) if users else self._of_sessions(sessions)
            found |= zip(places, ranked, strict=True)
        return [found[at] for at in range(len(jobs))]

    def _of_users(self, jobs: Sequence[UsersJob]) -> list[Ranking]:
        """Rankings of jobs that leave out the same parts."""
        rows = np.concatenate([job.rows for job in jobs])
        k = min(max(job.k for job in jobs), len(self.items.ids))
        exclude = excluded(self._parts, jobs[0].exclude)
        whole = self._served(rows, k, exclude, jobs[0].candidates)
        return _parted(whole, [job.size for job in jobs], [job.k for job in jobs])

    def _served(
        self,
        rows: Rows,
        k: int,
        exclude: Sequence[Interactions],
        candidates: NDArray[np.bool_] | None,
    ) -> Ranking:
        """As `_rank`; the popular list of unknown users is made once, as a model is loaded."""
        known = rows >= 0
        if candidates is not None or known.all():
            return self._rank(rows, k, exclude, self.candidates(candidates))
        items = self._popular.items[:, :k].repeat(len(rows), axis=0)
        scores = self._popular.scores[:, :k].repeat(len(rows), axis=0)
        if known.any():
            part = self._rank(rows[known], k, exclude)
            items[known], scores[known] = part.items, part.scores
        return Ranking(rows, items, scores)

    def _rank(
        self,
        rows: Rows,
        k: int,
        exclude: Sequence[Interactions] = (),
        mask: NDArray[np.bool_] | None = None,
    ) -> Ranking:
        mask = self._candidates if mask is None else mask
        return rank_served(
            self._search, self.scorer, self.trained, rows, k, exclude=exclude, candidates=mask
        )

    def _of_sessions(self, jobs: Sequence[SessionJob]) -> list[Ranking]:
        """Rankings of visitors, who are folded in one by one and ranked together."""
        histories = [self._history([job]) for job in jobs]
        together = histories[0] if len(jobs) == 1 else self._history(jobs)
        scorer = self._folded(histories)
        k = min(max(job.k for job in jobs), len(self.items.ids))
        rows, mask = np.arange(len(jobs)), self.candidates(jobs[0].candidates)
        known = np.flatnonzero(together.user_degree)
        items = np.full((len(jobs), k), -1, dtype=np.int32)
        scores = np.full((len(jobs), k), -np.inf, dtype=np.float32)
        if len(known):
            part = self._search(scorer, rows[known], k, exclude=[together], candidates=mask)
            items[known], scores[known] = part.items, part.scores
        for at in np.flatnonzero(together.user_degree == 0):
            popular = self._rank(np.full(1, -1), k, mask=mask)
            items[at], scores[at] = popular.items[0], popular.scores[0]
        return _parted(Ranking(rows, items, scores), [1] * len(jobs), [job.k for job in jobs])

    def _history(self, jobs: Sequence[SessionJob]) -> Interactions:
        sizes = [len(job.items) for job in jobs]
        indptr = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        item_idx = np.concatenate([job.items for job in jobs]).astype(np.int32)
        users = Ids.numbered(len(jobs)) if len(jobs) != 1 else _ONE
        return Interactions._of(users, self.model.items, Pairs(indptr, item_idx))

    def _folded(self, histories: Sequence[Interactions]) -> Scorer:
        """The scorer of visitors; several of them only where they are ranked together."""
        fold_in, train, scorer = self.model._fold_in, self.model.train, self.model._fitted()
        if not isinstance(scorer, DotScorer) or not self.together:
            return fold_in.fold(scorer, train, histories[0])
        mapping = fold_in.matrix(scorer, train)
        table, weighted = scorer.item_table, fold_in.weighted
        rows = [folded_rows(table, mapping, each, weighted=weighted) for each in histories]
        other = copy.copy(scorer)  # `with_users` reads the whole item table, at every call
        other.user_table = finite_table(torch.cat(rows), "visitors")
        return other


_ONE = Ids.numbered(1)


def _parted(whole: Ranking, sizes: Sequence[int], lengths: Sequence[int]) -> list[Ranking]:
    """The rankings of several jobs; a shorter list is the beginning of a longer one."""
    ends = np.cumsum(sizes)
    return [
        Ranking(
            whole.users[end - size : end],
            whole.items[end - size : end, :k],
            whole.scores[end - size : end, :k],
        )
        for end, size, k in zip(ends.tolist(), sizes, lengths, strict=True)
    ]
