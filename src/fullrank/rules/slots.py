"""Lists filled slot by slot from each user's pool: limits, diversity, calibration, exploration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Likeness = Callable[[NDArray[Any], NDArray[Any]], NDArray[np.float64]]
"""(b,) items and (b, m) items to (b, m) how alike they are, at most 1."""
SMOOTHING = 0.01
"""Share of the history's distribution in that of a list, so that the divergence is finite.

Source: Steck, Calibrated recommendations, RecSys 2018, section 3.
"""


DIGITS = 9
"""Decimals of a gain: what differs by rounding alone is equal, and goes by rank in the pool."""


@dataclass(frozen=True)
class Limit:
    """At most so many items of a list with the same label."""

    labels: NDArray[np.int32]
    """(b, m, l) of the pool, -1 for none."""
    most: int


@dataclass(frozen=True)
class Calibration:
    """How near the shares of categories are to be to the history's."""

    history: NDArray[np.float64]
    """(b, c) shares of the categories in the history; all zero where nothing is known."""
    labels: NDArray[np.int32]
    """(b, m, l) the categories of the items of the pool, -1 for none."""
    strength: float


@dataclass(frozen=True)
class Filling:
    """What fills the slots of the lists of b users."""

    k: int
    diversity: float = 0.0
    likeness: Likeness | None = None
    limits: list[Limit] = field(default_factory=list)
    calibration: Calibration | None = None
    drawn: int | NDArray[np.int64] = 0
    """Slots, the last ones, that are drawn: of all lists, or (b,) of each."""
    keys: NDArray[np.float64] | None = None
    """(b, m) random numbers of the pool, to draw the largest."""


@dataclass(frozen=True)
class Filled:
    """The lists, as positions in the pools."""

    slots: NDArray[np.int64]
    """(b, k), -1 where no item was left."""
    drawn: NDArray[np.bool_]
    """(b, k) the slots that were drawn at random."""


def fill(items: NDArray[np.int32], scores: NDArray[np.float32], how: Filling) -> Filled:
    """Takes the item of the highest gain into each slot, equal gains by rank in the pool.

    The gain of an item is ``(1 - c) ((1 - d) s - d max_j likeness(j, item)) - c KL(list + item)``:
    d is the diversity, c the strength of calibration, s the score as 0 to 1 of its span in the
    pool, j the items that are in the list, KL the divergence of the history's shares of categories
    from the list's. Items that would exceed a limit are passed over. A drawn slot takes one of
    those beyond the k best instead, where one is left.

    Shapes: ``items`` and ``scores`` (b, m), best first, -1 and -inf where there is none.
    """
    b, m = items.shape
    rows, left = np.arange(b), items >= 0
    relevance = _spanned(scores, left)
    limits = [_Counted(each) for each in how.limits]
    shares = None if how.calibration is None else _Shares(how.calibration)
    alike = np.zeros((b, m))
    slots = np.full((b, how.k), -1, dtype=np.int64)
    drawn = np.zeros((b, how.k), dtype=np.bool_)
    for slot in range(how.k):
        gain = (1 - how.diversity) * relevance - how.diversity * alike
        if shares is not None:
            gain = (1 - shares.strength) * gain - shares.strength * shares.divergence()
        gain = gain.round(DIGITS)
        free = left.copy()
        for limit in limits:
            free &= ~limit.reached()
        late = np.broadcast_to(slot >= how.k - how.drawn, b)
        if how.keys is not None and late.any():
            beyond = free & (np.arange(m) >= how.k) & late[:, None]
            drawn[:, slot] = beyond.any(axis=1)
            gain = np.where(drawn[:, slot, None], how.keys, gain)
            free = np.where(drawn[:, slot, None], beyond, free)
        chosen = np.where(free, gain, -np.inf).argmax(axis=1)
        some = np.asarray(free.any(axis=1))
        slots[some, slot] = chosen[some]
        left[rows[some], chosen[some]] = False
        for limit in limits:
            limit.take(chosen, some)
        if shares is not None:
            shares.take(chosen, some)
        if how.likeness is not None and slot + 1 < how.k:
            new = how.likeness(items[rows, chosen], items)
            alike = new if not slot else np.maximum(alike, new)
    return Filled(slots, drawn)


def _spanned(scores: NDArray[np.float32], there: NDArray[Any]) -> NDArray[np.float64]:
    """Scores less the least of the row, in its span; 1 where all are the same."""
    wide = np.where(there, scores, 0).astype(np.float64)
    best = np.where(there, wide, -np.inf).max(axis=1, initial=-np.inf, keepdims=True)
    least = np.where(there, wide, np.inf).min(axis=1, initial=np.inf, keepdims=True)
    span = np.where(best > least, best - least, 1.0)
    spanned: NDArray[np.float64] = np.where(there, 1 - (best - wide) / span, 0.0)
    return spanned


class _Counted:
    """How many items of each list have each label of each candidate."""

    def __init__(self, limit: Limit) -> None:
        self.labels, self.most = limit.labels, limit.most
        self.counts = np.zeros(limit.labels.shape, dtype=np.int32)

    def reached(self) -> NDArray[np.bool_]:
        return np.asarray((self.counts >= self.most).any(axis=2))

    def take(self, chosen: NDArray[np.int64], some: NDArray[np.bool_]) -> None:
        own = self.labels[np.arange(len(chosen)), chosen]
        own = np.where(some[:, None], own, -1)
        for each in own.T:  # one label at a time: no item has many
            self.counts += (self.labels == each[:, None, None]) & (self.labels >= 0)


class _Shares:
    """The shares of categories in each list, and with each candidate in it."""

    def __init__(self, calibration: Calibration) -> None:
        self.history, self.labels = calibration.history, calibration.labels
        self.strength = calibration.strength
        there = self.labels >= 0
        self.labelled = np.asarray(there.any(axis=2))
        # Each label has the same share of its item.
        self.share = there / np.maximum(there.sum(axis=2), 1)[:, :, None]
        self.codes = np.where(there, self.labels, 0).reshape(len(there), -1).astype(np.int64)
        self.sums = np.zeros(self.history.shape)
        self.taken = np.zeros((len(there), 1))
        """(b, 1) items of each list that have labels."""

    def divergence(self) -> NDArray[np.float64]:
        """(b, m) ``Σ_g p_g log(p_g / q_g)`` of the list with each candidate, q smoothed.

        An item changes the shares of its own categories, and the number of items. One without
        categories leaves the list's shares as they are.
        """
        n = self.taken + 1
        mixed = self._mixed(n)
        p, before = (
            np.take_along_axis(each, self.codes, axis=1).reshape(self.share.shape)
            for each in (self.history, mixed)
        )
        more = before + (1 - SMOOTHING) * self.share / n[:, :, None]
        gained = (p * np.log(more / before)).sum(axis=2)
        as_it_is = self._divergence(self._mixed(np.maximum(self.taken, 1)))
        return np.where(self.labelled, self._divergence(mixed) - gained, as_it_is)

    def _mixed(self, n: NDArray[np.float64]) -> NDArray[np.float64]:
        """(b, c) the smoothed shares of a list of n items; 1 where the history has none."""
        q = (1 - SMOOTHING) * self.sums / n + SMOOTHING * self.history
        mixed: NDArray[np.float64] = np.where(self.history > 0, q, 1.0)
        return mixed

    def _divergence(self, mixed: NDArray[np.float64]) -> NDArray[np.float64]:
        p = np.where(self.history > 0, self.history, 1.0)
        divergence: NDArray[np.float64] = (self.history * np.log(p / mixed)).sum(axis=1)[:, None]
        return divergence

    def take(self, chosen: NDArray[np.int64], some: NDArray[np.bool_]) -> None:
        rows = np.arange(len(chosen))
        codes = self.codes.reshape(self.share.shape)[rows, chosen]
        # A label is in an item once; the share of a slot that is none is zero.
        own = np.where(some[:, None], self.share[rows, chosen], 0.0)
        np.add.at(self.sums, (rows[:, None], codes), own)
        self.taken[:, 0] += some & self.labelled[rows, chosen]
