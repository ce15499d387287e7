from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

BLAS = "OPENBLAS_NUM_THREADS"
GIVEN = os.environ.get(BLAS)
os.environ[BLAS] = "1"  # read when numpy and scipy are imported: each worker has a core

import numpy as np  # noqa: E402
import polars as pl  # noqa: E402
import pytest  # noqa: E402
import scipy.linalg  # noqa: E402, F401  # has a BLAS of its own
import scipy.sparse as sp  # noqa: E402
import torch  # noqa: E402

del os.environ[BLAS]  # a command that a test runs is a user's
if GIVEN is not None:
    os.environ[BLAS] = GIVEN

from fullrank.data import Ids, Interactions, Split, generate, random_split  # noqa: E402

if "FULLRANK_DATA" in os.environ:  # may be relative, and tests change the working directory
    os.environ["FULLRANK_DATA"] = str(Path(os.environ["FULLRANK_DATA"]).resolve())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if sys.platform == "win32":
        reason = pytest.mark.skip(reason="needs signals or limits that Windows does not have")
        for item in items:
            if item.get_closest_marker("posix"):
                item.add_marker(reason)


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def small() -> Split:
    """200 users x 120 items, 3,000 pairs in three parts, with titles and ids like u17."""
    return random_split(generate(200, 120, 3000, seed=1), test=0.2, validation=0.1, seed=0)


@pytest.fixture(scope="session")
def tiny(small) -> Interactions:
    """The first 150 pairs of `small`, over all its users and items."""
    return small.train.select(np.arange(150))


@pytest.fixture(scope="session")
def checkerboard() -> Split:
    """Users and items of two colours: each user has all items of the own colour but one.

    The withheld item of user u is item u, so the best item of each user is known.
    """
    n = 16
    user, item = np.nonzero(np.add.outer(np.arange(n), np.arange(n)) % 2 == 0)
    diagonal = user == item
    ids = [Ids(pl.Series([f"{side}{row}" for row in range(n)])) for side in "ui"]
    parts = [Interactions.from_rows(*ids, user[kept], item[kept]) for kept in (~diagonal, diagonal)]
    return Split("checkerboard", parts[0], None, parts[1])


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
