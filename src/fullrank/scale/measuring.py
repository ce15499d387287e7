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
        own = torch.from_numpy(np.bincount(train.item_idx, minlength=train.whole.items))
        device = self.group.device
        self.item_degree = self.group.all_reduce(own.to(device)).cpu().numpy()
        users, items = (Ids(pl.Series(np.arange(n))) for n in (train.users, train.whole.items))
        self._parts = {
            name: Interactions(users, items, block.indptr, np.ascontiguousarray(block.item_idx))
            for name, block in self.blocks.items()
        }
        self._parts["train"].never = self._parts.get("never")

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
        train, held = self._parts["train"], self._parts[part]
        names = [f"{name}@{each}" for each in sorted(k) for name in metrics]
        rows, values = np.empty(0, dtype=np.int64), np.empty((0, len(names)))
        if (train.user_degree * held.user_degree).any():
            validation = self._parts.get("validation") if part == "test" else None
            found = evaluate(
                DotScorer(users.detach(), items.detach()),
                held,
                train=train,
                validation=validation,
                k=tuple(k),
                metrics=metrics,
                popularity=self.item_degree,
            )
            rows = found.users + self.blocks["train"].first
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
        train, held = self._parts["train"], self._parts["validation"]
        if not self.group.totals(float((train.user_degree * held.user_degree).sum()))[0]:
            found = "no user with training interactions"
            raise FitError("validation part", found, "one at least, or no validation")
        k = min(20, train.n_items)

        def ndcg() -> float:
            _, values = self.per_user(tables(), "validation", (k,), ("ndcg",), cosine=cosine)
            return float(np.mean(values[f"ndcg@{k}"]))

        return ndcg
