from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from fullrank.data.interactions import Interactions


class TableScorer:
    """Ranks by a given users × items table of scores."""

    def __init__(self, table) -> None:
        self.table = torch.as_tensor(np.asarray(table), dtype=torch.float32)

    @property
    def n_items(self) -> int:
        return self.table.shape[1]

    def scores(self, users):
        return self.table[users]


@pytest.fixture(scope="session")
def scorer_of():
    return TableScorer


@pytest.fixture(scope="session")
def interactions_of():
    """Makes interactions of a dense 0/1 table."""

    def make(dense) -> Interactions:
        return Interactions.from_scipy(sp.csr_array(np.asarray(dense, dtype=np.float32)))

    return make


@pytest.fixture(scope="session")
def best_of():
    """The naive ranking: each row sorted in Python by (-score, item), -1 where none is left."""

    def best(scores, masked, k: int) -> list[list[int]]:
        lists = []
        for row, hidden in zip(np.asarray(scores).tolist(), np.asarray(masked), strict=True):
            allowed = [i for i in range(len(row)) if not hidden[i] and row[i] != -np.inf]
            ranked = sorted(allowed, key=lambda i: (-row[i], i))[:k]
            lists.append(ranked + [-1] * (k - len(ranked)))
        return lists

    return best
