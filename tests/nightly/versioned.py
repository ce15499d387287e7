"""Small models for the tests of versions."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from fullrank import Interactions, Recommender, Split
from fullrank.data.splits import random_split
from fullrank.nightly import Versions


def events(n_users: int, n_items: int, *, seed: int = 0, share: float = 0.6) -> pl.DataFrame:
    """Users like items of their own fifth more."""
    rng = np.random.default_rng(seed)
    likes = rng.random((n_users, n_items))
    same = (np.arange(n_users)[:, None] % 5) == (np.arange(n_items) % 5)
    user, item = np.nonzero(likes < np.where(same, share, share / 12))
    return pl.DataFrame({"user_id": user, "item_id": item})


def save(versions: Versions, *, dim: int = 4, **training: Any) -> str:
    """A new version of an untrained model; its name."""
    model = Recommender("bpr", dim=dim, epochs=0).fit(events(12, 10))
    model.training |= training
    folder = versions.new()
    model.save(folder)
    return folder.name


def split_of(frame: pl.DataFrame) -> Split:
    """A division of it, with a validation part."""
    return random_split(Interactions.from_frame(frame), test=0.2, validation=0.1, seed=1)
