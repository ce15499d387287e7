from __future__ import annotations

import pytest

from fullrank.data import generate, random_split
from fullrank.lab.scope import Scope, Splits
from fullrank.lab.store import Store

WHOLE = generate(80, 60, 1500, seed=3)


def loaded(name: str, *, validation: float, seed: int):
    """Stands for `fullrank.load`: the same small table whatever the name."""
    return random_split(WHOLE, test=0.2, validation=validation, seed=seed, name=name)


@pytest.fixture(scope="session")
def splits() -> Splits:
    return Splits(loaded)


@pytest.fixture
def store(tmp_path, splits) -> Store:
    return Store(tmp_path / "runs", splits.of)


@pytest.fixture
def scope(store, splits) -> Scope:
    return Scope(("made",), 2, True, store, splits, most_epochs=3)
