"""What workers measure together: metrics of their users, the spectrum of all rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from fullrank.data import Ids, Interactions
from fullrank.errors import FitError
from fullrank.evaluation import Evaluation, evaluate
from fullrank.scale.blocks import UserBlock, bounds
from fullrank.scale.group import Group
from fullrank.scale.sources import Source
from fullrank.serving import DotScorer
from fullrank.spectrum.measure import entropy_rank, gram


@dataclass(frozen=True, eq=False)
class Held:
    """The users with pairs in a part that this worker ranks for, and how their rows come to it."""

    own: NDArray[np.int64]
    """Rows of this worker's block whose users have pairs in the part."""
    sends: list[int]
    """(W,) how many of them each worker ranks for."""
    receives: list[int]
    """(W,) how many users of each worker this one ranks for."""
    users: NDArray[np.int64]
    """Rows of those users in the whole table, ascending."""
    tables: dict[str, Interactions]
    """Their pairs in each part that there is."""


@dataclass(eq=False)
class Measuring:
    """The parts of this worker's users, to evaluate and to measure by.

    Args:
        group: The workers.
        edges: (W + 1,) where each worker's items begin and end.
        source: The pairs: ``train``, and what else there is of ``validation``, ``test``, ``never``.
    """

    group: Group
    edges: NDArray[np.int64]
    source: Source
    blocks: dict[str, UserBlock] = field(init=False)
    """This worker's users of each part."""
    item_degree: NDArray[np.int64] = field(init=False)
    """(n_items,) training interactions of each item, of all workers."""

    def __post_init__(self) -> None:
        ends = bounds(self.source.sizes.users, self.group.size)
        first, last = (int(end) for end in ends[self.group.rank : self.group.rank + 2])
        self.blocks = {part: self.source.block(part, first, last) for part in self.source.parts}
        own = self.blocks["train"].item_degree()
        total = self.group.all_reduce(torch.from_numpy(own).to(self.group.device))
        self.item_degree = total.cpu().numpy()
        self._held: dict[str, Held] = {}

    def held(self, part: str) -> Held:
        """Users with pairs in a part, as many for each worker, whoever owns them.

        A part of a store is cut to some consecutive users, all of whom the first worker may own.
        Nothing is read of others. All workers call it together.
        """
        if part not in self._held:
            block, rank, workers = self.blocks[part], self.group.rank, self.group.size
            own = np.flatnonzero(np.diff(block.indptr))
            counts = self.group.of_each(len(own))[:, 0].numpy().astype(np.int64)
            owned = np.concatenate(([0], np.cumsum(counts)))
            shares = bounds(int(owned[-1]), workers)
            sends = [_overlap(owned, rank, shares, other) for other in range(workers)]
            receives = [_overlap(shares, rank, owned, other) for other in range(workers)]
            rows = torch.from_numpy(own + block.first).to(self.group.device)
            users = self.group.all_to_all(rows, sends, receives).cpu().numpy()
            self._held[part] = Held(own, sends, receives, users, self._tables(users))
        return self._held[part]

    def _tables(self, users: NDArray[np.int64]) -> dict[str, Interactions]:
        """The pairs of some users, a table for each part."""
        first, last = (int(users[0]), int(users[-1]) + 1) if len(users) else (0, 0)
        own, items = (Ids(pl.Series(np.arange(n))) for n in (len(users), self.source.sizes.items))
        tables = {}
        for part in self.source.parts:
            pairs = rows_of(self.source.block(part, first, last), users - first)
            tables[part] = Interactions(own, items, *pairs)
        tables["train"].never = tables.get("never")
        return tables

    @property
    def rows(self) -> tuple[Tensor, Tensor]:
        """(n,) and (m,) bool: own rows with interactions."""
        first, last = self.edges[self.group.rank : self.group.rank + 2]
        users = np.diff(self.blocks["train"].indptr) > 0
        return torch.from_numpy(users), torch.from_numpy(self.item_degree[first:last] > 0)

    def effective_rank(self, tables: tuple[Tensor, Tensor], *, every: bool = False) -> float:
        """Of all rows with interactions (or ``every`` row), from summed Gram matrices.

        Raises:
            FitError: they hold NaN or infinity, or numbers too large for a spectrum.
        """
        total = self.group.all_reduce(gram(*tables, where=None if every else self.rows))
        if not total.isfinite().all():
            raise FitError("embeddings", "numbers beyond measure", "a lower lr")
        return entropy_rank(torch.linalg.eigvalsh(total).clamp_min(0).sqrt())

    def without_interactions(self) -> int:
        """Rows of all workers that have none."""
        own = sum(int((~rows).sum()) for rows in self.rows)
        return int(self.group.totals(own)[0])

    def per_user(
        self,
        tables: tuple[Tensor, Tensor],
        part: str,
        k: Sequence[int],
        metrics: Sequence[str],
        users: NDArray[np.int64] | None = None,
    ) -> tuple[NDArray[np.int64], dict[str, NDArray[np.float64]]]:
        """User rows and their metrics, as `fullrank.evaluation.evaluate` has them, of all users.

        Each worker ranks for its share of the users, and the values go to every worker.

        Args:
            tables: What the method ranks with: the blocks of this worker.
            part: What is to be found.
            k: Cutoffs.
            metrics: Names of metrics that have a value for each user.
            users: Those of `held` that this worker is to rank for; all if absent.
        """
        found = self.evaluated(tables, part, k, metrics, users)
        names = [f"{name}@{each}" for each in sorted(k) for name in metrics]
        rows, values = np.empty(0, dtype=np.int64), np.empty((0, len(names)))
        if found is not None:
            rows = self.held(part).users[found.users]
            values = np.stack([found.per_user(name) for name in names], axis=1)
        counts = self.group.of_each(len(rows))[:, 0].int().tolist()
        device = self.group.device
        all_rows = self.group.gather(torch.from_numpy(rows).to(device), counts).cpu().numpy()
        every = self.group.gather(torch.from_numpy(values).to(device), counts).cpu().numpy()
        return all_rows, dict(zip(names, every.T, strict=True))

    def evaluated(
        self,
        tables: tuple[Tensor, Tensor],
        part: str,
        k: Sequence[int],
        metrics: Sequence[str] | None,
        users: NDArray[np.int64] | None = None,
    ) -> Evaluation | None:
        """The evaluation of this worker's share of the users; None where none can be evaluated.

        Its users are numbered as in `held`; what it has of lists is of its share alone. Arguments
        are those of `per_user`; without ``metrics`` all of the protocol.
        """
        embedded, block = tables[0].detach(), tables[1].detach()
        items = self.group.gather(block, np.diff(self.edges).tolist())
        held = self.held(part)
        own = embedded[torch.from_numpy(held.own).to(embedded.device)]
        rows = self.group.all_to_all(own, held.sends, held.receives)
        train, wanted = held.tables["train"], held.tables[part]
        known = train.user_degree * wanted.user_degree
        if not (known if users is None else known[users]).any():
            return None
        return evaluate(
            DotScorer(rows, items),
            wanted,
            train=train,
            validation=held.tables.get("validation") if part == "test" else None,
            k=tuple(k),
            metrics=metrics,
            popularity=self.item_degree,
            users=users,
        )


def _overlap(these: NDArray[np.int64], which: int, those: NDArray[np.int64], other: int) -> int:
    """How many rows the range ``which`` of some edges has in common with one of other edges."""
    first, last = max(these[which], those[other]), min(these[which + 1], those[other + 1])
    return max(int(last - first), 0)


def rows_of(
    block: UserBlock, rows: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Indptr and items of some users of a block, by their rows in it.

    >>> from fullrank.scale.blocks import Sizes
    >>> items = np.array([4, 7, 1, 2, 9], dtype=np.int32)
    >>> block = UserBlock(Sizes(3, 10, 5), 0, 0, np.array([0, 2, 3, 5]), items)
    >>> [each.tolist() for each in rows_of(block, np.array([0, 2]))]
    [[0, 2, 4], [4, 7, 2, 9]]
    """
    counts = block.indptr[rows + 1] - block.indptr[rows]
    indptr = np.concatenate(([0], np.cumsum(counts)))
    where = np.arange(indptr[-1]) + np.repeat(block.indptr[rows] - indptr[:-1], counts)
    return indptr, block.item_idx[where]
