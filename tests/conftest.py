from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from fullrank.data import Ids, Interactions, Split, generate, random_split

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
