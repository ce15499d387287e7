"""Random numbers of users and items that depend on nothing but a seed and who they are."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray


def keys_of(seed: int, users: pl.Series, items: NDArray[Any]) -> NDArray[np.float64]:
    """(b, m) numbers in [0, 1) of b user ids and their (b, m) item rows.

    A user has the same ones whoever else is asked for, and other ones with another seed.
    """
    salt = hashlib.blake2b(str(seed).encode(), digest_size=8)
    own = np.empty(len(users), dtype=np.uint64)
    for at, user in enumerate(users.cast(pl.String).to_list()):
        mixed = salt.copy()
        mixed.update(b"\0" + (user or "").encode())
        own[at] = int.from_bytes(mixed.digest(), "little")
    bits = _mixed(own[:, None] ^ _mixed(items.astype(np.uint64))) >> np.uint64(11)
    return bits.astype(np.float64) * 2.0**-53


def counts_of(mean: float, seed: int, users: pl.Series) -> NDArray[np.int64]:
    """(b,) whole numbers next to the mean, by chance so that they have it over many users.

    So a share of slots that is no whole number of them, or less than one, is kept to.
    """
    own = keys_of(seed, users, np.full((len(users), 1), -1))[:, 0]  # of no item
    whole: NDArray[np.int64] = np.floor(round(mean, 9) + own).astype(np.int64)
    return whole


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of splitmix64: every bit of the input changes half of the output.

    Source: Steele, Lea and Flood, OOPSLA 2014, figure 17 (constants of Stafford's mix 13).
    """
    mixed = values + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
