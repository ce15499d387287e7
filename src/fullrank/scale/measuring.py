"""What workers measure together: metrics of their users, the spectrum of all rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from fullrank.data import Ids, Interactions
from fullrank.data.blocks import blocks
from fullrank.errors import FitError
from fullrank.evaluation import evaluate
from fullrank.scale.blocks import UserBlock
from fullrank.scale.group import Group
from fullrank.serving import DotScorer
from fullrank.spectrum.measure import entropy_rank, gram
from fullrank.spectrum.rows import unit_rows


@dataclass(eq=False)
class Measuring:
    """The parts of this worker's users, to evaluate and to measure by.

    Args:
        group: The workers.
        edges: (W + 1,) where each worker's items begin and end.
        blocks: ``train``, and what else there is of ``validation``, ``test`` and ``never``.
    """

    group: Group
    edges: NDArray[np.int64]
    blocks: Mapping[str, UserBlock]
    item_degree: NDArray[np.int64] = field(init=False)
    """(n_items,) training interactions of each item, of all workers."""

    def __post_init__(self) -> None:
        train = self.blocks["train"]
        own = np.zeros(train.whole.items, dtype=np.int64)
        for part in blocks(train.pairs):  # they may be mapped from a file
            own += np.bincount(train.item_idx[part], minlength=len(own))
        total = self.group.all_reduce(torch.from_numpy(own).to(self.group.device))
        self.item_degree = total.cpu().numpy()
        self._held: dict[str, tuple[NDArray[np.int64], dict[str, Interactions]]] = {}

    def held(self, part: str) -> tuple[NDArray[np.int64], dict[str, Interactions]]:
        """Own users with pairs in a part, and tables of theirs, one for each part that there is.

        Of a part that is cut to some users nothing is read of the others.
        """
        if part not in self._held:
            chosen = np.flatnonzero(np.diff(self.blocks[part].indptr))
            n_items = self.blocks[part].whole.items
            users, items = (Ids(pl.Series(np.arange(n))) for n in (len(chosen), n_items))
            tables = {
                name: Interactions(users, items, *rows_of(block, chosen))
                for name, block in self.blocks.items()
            }
            tables["train"].never = tables.get("never")
            self._held[part] = chosen, tables
        return self._held[part]

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
        *,
        cosine: bool = False,
    ) -> tuple[NDArray[np.int64], dict[str, NDArray[np.float64]]]:
        """User rows and their metrics, as `fullrank.evaluation.evaluate` has them, of all users.

        Each worker ranks for its own users by the items of all, and the values go to every worker.

        Args:
            tables: The blocks of this worker.
            part: What is to be found.
            k: Cutoffs.
            metrics: Names of metrics that have a value for each user.
            cosine: Whether the method ranks by unit rows.
        """
        users, block = tables[0], tables[1]
        if cosine:
            users, block = unit_rows(users), unit_rows(block)
        items = self.group.gather(block, np.diff(self.edges).tolist())
        chosen, tables_of = self.held(part)
        train, held = tables_of["train"], tables_of[part]
        names = [f"{name}@{each}" for each in sorted(k) for name in metrics]
        rows, values = np.empty(0, dtype=np.int64), np.empty((0, len(names)))
        if (train.user_degree * held.user_degree).any():
            found = evaluate(
                DotScorer(users.detach()[torch.from_numpy(chosen)], items.detach()),
                held,
                train=train,
                validation=tables_of.get("validation") if part == "test" else None,
                k=tuple(k),
                metrics=metrics,
                popularity=self.item_degree,
            )
            rows = chosen[found.users] + self.blocks["train"].first
            values = np.stack([found.per_user(name) for name in names], axis=1)
        counts = self.group.of_each(len(rows))[:, 0].int().tolist()
        device = self.group.device
        all_rows = self.group.gather(torch.from_numpy(rows).to(device), counts).cpu().numpy()
        every = self.group.gather(torch.from_numpy(values).to(device), counts).cpu().numpy()
        return all_rows, dict(zip(names, every.T, strict=True))

    def validator(
        self, tables: Callable[[], tuple[Tensor, Tensor]], *, cosine: bool
    ) -> Callable[[], float]:
        """ndcg@20 on the validation part, the same number for all workers.

        Raises:
            FitError: there is no user to evaluate.
        """
        _, tables_of = self.held("validation")
        train, held = tables_of["train"], tables_of["validation"]
        if not self.group.totals(float((train.user_degree * held.user_degree).sum()))[0]:
            found = "no user with training interactions"
            raise FitError("validation part", found, "one at least, or no validation")
        k = min(20, train.n_items)

        def ndcg() -> float:
            _, values = self.per_user(tables(), "validation", (k,), ("ndcg",), cosine=cosine)
            return float(np.mean(values[f"ndcg@{k}"]))

        return ndcg


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
