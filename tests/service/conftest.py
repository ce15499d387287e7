from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from asking import Local

from fullrank import Recommender
from fullrank.data import Split

QUICK = {"bpr": {"epochs": 2, "dim": 16}, "lightgcn": {"epochs": 1, "dim": 8}}


@pytest.fixture(scope="session")
def saved(small: Split, tmp_path_factory) -> Callable[..., Path]:
    """A folder with a model of a method on `small`, fitted once."""
    home, there = tmp_path_factory.mktemp("served"), {}

    def folder(method: str = "bpr", seed: int = 0) -> Path:
        if (method, seed) not in there:
            path = home / f"{method}-{seed}"
            Recommender(method, seed=seed, **QUICK.get(method, {})).fit(small).save(path)
            there[method, seed] = path
        return there[method, seed]

    return folder


@pytest.fixture(scope="session")
def local(saved) -> Local:
    return Local(saved())
