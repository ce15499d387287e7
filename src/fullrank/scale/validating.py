"""What workers rank with, and how well they do on the validation part, as one process does."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fullrank.encoders import Pair
from fullrank.errors import FitError
from fullrank.methods import TrainedMethod
from fullrank.methods.validating import Checks, every, ranked_tables
from fullrank.scale.measuring import Measuring
from fullrank.scale.tables import ShardedMF

PART = "validation"


def ranked_blocks(
    measuring: Measuring, method: TrainedMethod, tables: Pair, power: float | None = None
) -> Pair:
    """This worker's blocks of `fullrank.methods.validating.ranked_tables`."""

    def length(items: Tensor) -> float:
        squares = torch.linalg.vector_norm(items, dim=-1).double().square().sum().item()
        total, rows = measuring.group.totals(squares, len(items))
        return float(np.sqrt(total / rows))

    return ranked_tables(method, tables, power, length)


class ShardValidator(Checks):
    """As `fullrank.methods.validating.Validator`, by all workers; each gets the same numbers.

    Args:
        measuring: The parts of this worker's users.
        method: Its settings.
        encoder: Its blocks.

    Raises:
        FitError: there is no user to evaluate.
    """

    def __init__(self, measuring: Measuring, method: TrainedMethod, encoder: ShardedMF) -> None:
        self.measuring, self.method, self.encoder = measuring, method, encoder
        tables = measuring.held(PART).tables
        mine = np.flatnonzero(tables["train"].user_degree * tables[PART].user_degree)
        counts = measuring.group.of_each(len(mine))[:, 0].numpy().astype(np.int64)
        if not counts.sum():
            found = "no user with training interactions"
            raise FitError("validation part", found, "one at least, or no validation")
        step, before = every(int(counts.sum())), int(counts[: measuring.group.rank].sum())
        super().__init__(method.item_power, None if step == 1 else mine[-before % step :: step])

    def _score(self, power: float, users: NDArray[np.int64] | None = None) -> float:
        k = min(20, self.measuring.source.sizes.items)
        tables = ranked_blocks(self.measuring, self.method, self.encoder.tables(), power)
        _, values = self.measuring.per_user(tables, PART, (k,), ("ndcg",), users)
        return float(np.mean(values[f"ndcg@{k}"]))
