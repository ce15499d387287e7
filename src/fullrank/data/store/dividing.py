"""The pairs of a partition: sorted, each once, and divided by a hash of the pair."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fullrank.data.store.hashing import Hashes, below, of_pairs
from fullrank.data.store.numbering import Ranks, distinct

PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Shares:
    """How pairs are divided.

    Args:
        test: Fraction of all pairs.
        validation: Fraction of the rest.
        seed: Another one divides independently of it.
    """

    test: float
    validation: float
    seed: int

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts that there are."""
        wanted = {"train": 1.0, "validation": self.validation, "test": self.test}
        return tuple(name for name in PARTS if wanted[name])


@dataclass(frozen=True)
class Divided:
    """The pairs of a partition of users.

    Args:
        users: (n,) the distinct hashes of its users, ascending.
        rows: How many rows it had.
        degree: (n,) pairs of each user, by part.
        items: (m,) item rows, by user and then ascending, by part.
    """

    users: Hashes
    rows: int
    degree: dict[str, NDArray[np.int64]]
    items: dict[str, NDArray[np.int32]]


def divided(pairs: NDArray[np.uint64], items: Ranks, shares: Shares) -> Divided:
    """Numbers, sorts and divides the pairs of hashes of a partition, (n, 2).

    A user of whom chance leaves no pair in train keeps the one there whose hash is highest.
    """
    owners = np.ascontiguousarray(pairs[:, 0])
    users = distinct(owners)
    keys = Ranks(users).of(owners).astype(np.int64) << 32
    keys |= items.of(np.ascontiguousarray(pairs[:, 1]))
    keys.sort()
    keys = keys[np.concatenate(([True], keys[1:] != keys[:-1]))[: len(keys)]]
    user, item = keys >> 32, (keys & 0xFFFFFFFF).astype(np.int32)
    part = part_of(users, user, items.ordered[item], shares)
    masks = {name: part == PARTS.index(name) for name in shares.parts}
    return Divided(
        users,
        len(pairs),
        {name: np.bincount(user[mask], minlength=len(users)) for name, mask in masks.items()},
        {name: item[mask] for name, mask in masks.items()},
    )


def part_of(
    users: Hashes, user: NDArray[np.int64], items: Hashes, shares: Shares
) -> NDArray[np.int8]:
    """(n,) the part of each pair, by its number in `PARTS`.

    Args:
        users: Hashes of users.
        user: (n,) ascending positions in them.
        items: (n,) hashes of items.
        shares: How pairs are divided.
    """
    chance = of_pairs(users[user], items, shares.seed)
    tested = below(shares.test)
    held = below(shares.test + (1 - shares.test) * shares.validation)
    part = np.zeros(len(user), dtype=np.int8)
    part[chance < held] = PARTS.index("validation")
    part[chance < tested] = PARTS.index("test")
    without = np.bincount(user[part == 0], minlength=len(users)) == 0
    lost = np.flatnonzero(without[user])
    order = lost[np.lexsort((chance[lost], user[lost]))]
    last = np.flatnonzero(np.append(user[order][1:] != user[order][:-1], True)[: len(order)])
    part[order[last]] = 0
    return part
