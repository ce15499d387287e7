"""Dividing interactions into a part to train on, one to choose by and one to test on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullrank.data.interactions import Interactions
from fullrank.data.json_text import plain
from fullrank.errors import DataError, SettingError

BLOCK = 1 << 21
"""Interactions that are shuffled at a time. Part of what a seed means."""


@dataclass(frozen=True)
class Split:
    """Interactions in parts that share their users and items, row for row.

    Args:
        name: What the data is called.
        train: What is learned from.
        validation: What a model or an epoch is chosen by, if there is such a part.
        test: What the figures are reported on, if there is such a part.
        how: What was done to get here: the kind of split, its fractions and its seed; plain values,
            for it goes into the folder of a model.

    Raises:
        DataError: a part has other users or items than train.
    """

    name: str
    train: Interactions
    validation: Interactions | None
    test: Interactions | None
    how: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # A file's name may hold bytes that are no text, and goes into files that are text.
        object.__setattr__(self, "name", self.name.encode(errors="replace").decode())
        object.__setattr__(self, "how", plain(self.how))
        for name, part in self.parts.items():
            for side in ("users", "items"):
                own, its = getattr(self.train, side), getattr(part, side)
                if its is not own and its != own:
                    expected = "the same, row for row (from_frame and from_rows take users, items)"
                    raise DataError(f"{name} part of a split", f"other {side} than train", expected)

    @property
    def parts(self) -> dict[str, Interactions]:
        """The parts that there are, by name."""
        named = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: part for name, part in named.items() if part is not None}

    @cached_property
    def fingerprint(self) -> str:
        """16 hexadecimal digits over the parts: equal for the same split of the same data."""
        text = "\n".join(f"{name} {part.fingerprint}" for name, part in self.parts.items())
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def summary(self) -> dict[str, Any]:
        """Name, way of splitting, sizes and fingerprints, for a person to read."""
        parts = {name: part.summary() for name, part in self.parts.items()}
        if self.train.never is not None:
            parts["never"] = self.train.never.summary()
        return {"name": self.name, "fingerprint": self.fingerprint, "how": self.how} | parts


def hold_out(
    data: Interactions, fraction: float, seed: int | np.random.Generator = 0
) -> tuple[Interactions, Interactions]:
    """Draws a part of each user's interactions at random: ``(kept, held)``.

    A user with n interactions gives ``fraction · n`` of them, rounded up or down at random so that
    this is the mean, but never the last one.

    Raises:
        SettingError: ``fraction`` is not in [0, 1).
    """
    check_fraction("fraction", fraction)
    rng = np.random.default_rng(seed)
    degree = data.user_degree
    quota = quota_of(degree, fraction, rng)
    held = np.empty(len(data), dtype=np.bool_)
    for start, stop in _blocks(data.indptr):
        entries = slice(data.indptr[start], data.indptr[stop])
        held[entries] = _draw(degree[start:stop], quota[start:stop], rng)
    return data.select(~held), data.select(held)


def quota_of(
    degree: NDArray[np.int64], fraction: float, rng: np.random.Generator
) -> NDArray[np.int64]:
    """How many of ``degree`` interactions each user gives: ``fraction`` on average, never all."""
    quota = np.floor(fraction * degree + rng.random(len(degree))).astype(np.int64)
    return np.minimum(quota, np.maximum(degree - 1, 0))


def hold_out_last(data: Interactions, fraction: float) -> tuple[Interactions, Interactions, Any]:
    """Cuts at a point in time: ``(earlier, later, the time of the cut)``.

    Everything at the cut or after it is later, so that part may be larger than ``fraction``.

    Raises:
        SettingError: ``fraction`` is not in [0, 1).
        DataError: there are no timestamps, or nothing is before the cut.
    """
    check_fraction("fraction", fraction)
    time = _timed(data, "interactions")
    since = _cut(time, fraction) if len(time) else None
    late = time >= since if len(time) else np.zeros(0, dtype=np.bool_)
    if late.all():
        expected = "times that differ, or a smaller fraction"
        raise DataError("validation by time", "no interaction before the cutoff", expected)
    return data.select(~late), data.select(late), since


def random_split(
    data: Interactions,
    *,
    test: float = 0.2,
    validation: float = 0.1,
    seed: int | np.random.Generator = 0,
    name: str = "data",
) -> Split:
    """Draws the test part from each user's interactions, then the validation part from the rest.

    A fraction of 0 leaves that part out.

    Raises:
        SettingError: a fraction is not in [0, 1).
    """
    check_fraction("test", test)
    check_fraction("validation", validation)
    how: dict[str, Any] = {"kind": "random", "test": test, "validation": validation}
    how |= {"seed": seed} if isinstance(seed, int | np.integer) else {}
    how["repeated_pairs_merged"] = data.merged
    rng = np.random.default_rng(seed)
    train, tested = hold_out(data, test, rng) if test else (data, None)
    train, chosen = hold_out(train, validation, rng) if validation else (train, None)
    return Split(name, train, chosen, tested, how)


def time_split(
    data: Interactions, *, test: float = 0.2, validation: float = 0.1, name: str = "data"
) -> Split:
    """Cuts at two points in time, the same for all users: train, then validation, then test.

    Everything at a cutoff or after it belongs to the later part, so a part may be larger than its
    fraction where many interactions share a time. ``validation`` is a fraction of what is before
    the test part.

    Raises:
        SettingError: a fraction is not in [0, 1).
        DataError: there are no timestamps, or nothing is before the first cutoff.
    """
    check_fraction("test", test)
    check_fraction("validation", validation)
    time = _timed(data, name)
    how: dict[str, Any] = {"kind": "time", "test": test, "validation": validation}
    how["repeated_pairs_merged"] = data.merged
    early, tested = np.ones(len(data), dtype=np.bool_), None
    if test:
        how["test_from"] = _cut(time, test)
        tested = data.select(time >= how["test_from"])
        early = time < how["test_from"]
    train, chosen = early, None
    if validation and early.any():
        how["validation_from"] = _cut(time[early], validation)
        train = time < how["validation_from"]
        chosen = data.select(early & ~train)
    if not train.any():
        earliest = time.min() if len(time) else "no time"
        raise DataError(
            f"time split of {name}",
            f"no interaction before the cutoff, {earliest} being the earliest time",
            "times that differ, or smaller fractions",
        )
    return Split(name, data.select(train), chosen, tested, how)


def leave_last_out(data: Interactions, *, validation: bool = True, name: str = "data") -> Split:
    """Tests on the last interaction of each user, and validates on the one before it.

    Of two at the same time the one with the higher item row counts as the later. Users with fewer
    than three interactions (two without validation) stay whole in train.

    Raises:
        DataError: there are no timestamps, or no user has enough interactions.
    """
    time = _timed(data, name)
    needed = 3 if validation else 2
    taking_part = data.user_degree >= needed
    if not taking_part.any():
        most = int(data.user_degree.max(initial=0))
        raise DataError(
            f"leave-last-out split of {name}",
            f"at most {most} interactions per user",
            f"a user with {needed} or more",
        )
    left = np.repeat(taking_part, data.user_degree)
    tested = _take_last(data, time, left)
    chosen = _take_last(data, time, left) if validation else None
    train = np.ones(len(data), dtype=np.bool_)
    train[tested] = False
    if chosen is not None:
        train[chosen] = False
    return Split(
        name,
        data.select(train),
        None if chosen is None else data.select(chosen),
        data.select(tested),
        {"kind": "last", "validation": validation, "repeated_pairs_merged": data.merged},
    )


def check_fraction(name: str, fraction: float) -> None:
    """Sees that a part may be this large.

    Raises:
        SettingError: ``fraction`` is not in [0, 1).
    """
    if not 0 <= fraction < 1:
        raise SettingError(f"setting {name}", f"{fraction}", "a fraction of 0 or more, below 1")


def _blocks(indptr: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Ranges of users that share the interactions out into blocks of about `BLOCK`."""
    edges = np.searchsorted(indptr, np.arange(BLOCK, indptr[-1], BLOCK))
    bounds = np.unique([0, *edges, len(indptr) - 1])
    return [(int(start), int(stop)) for start, stop in pairwise(bounds)]


def _draw(
    degree: NDArray[np.int64], quota: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Marks ``quota[u]`` of the ``degree[u]`` interactions of each user, uniformly."""
    owner = np.repeat(np.arange(len(degree)), degree)
    order = np.argsort(owner + rng.random(len(owner)))
    location = np.arange(len(owner)) - np.repeat(np.cumsum(degree) - degree, degree)
    drawn = np.empty(len(owner), dtype=np.bool_)
    drawn[order] = location < np.repeat(quota, degree)
    return drawn


def _timed(data: Interactions, name: str) -> NDArray[Any]:
    if data.timestamp is None:
        raise DataError(
            f"split of {name} by time", "no timestamps", "a column 'timestamp' (or name yours)"
        )
    return data.timestamp


def _cut(time: NDArray[Any], fraction: float) -> Any:
    """The time from which on a fraction of all interactions lies."""
    at = min(len(time) - round(fraction * len(time)), len(time) - 1)
    return np.partition(time, at)[at].item()


def _take_last(data: Interactions, time: NDArray[Any], left: NDArray[np.bool_]) -> NDArray[Any]:
    """Positions of the last interaction of each user among those left; takes them from ``left``."""
    positions = np.flatnonzero(left)
    starts = np.searchsorted(positions, data.indptr)
    size = np.diff(starts)
    starts, size = starts[:-1][size > 0], size[size > 0]
    latest = np.repeat(np.maximum.reduceat(time[positions], starts), size)
    position = np.where(time[positions] == latest, np.arange(len(positions)), -1)
    last: NDArray[Any] = positions[np.maximum.reduceat(position, starts)]
    left[last] = False
    return last
