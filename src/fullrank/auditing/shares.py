"""The share of a part in the interactions of items or users, by how many they have.

A part that was drawn uniformly has the same share everywhere. Where it has not, what is chosen on
another part that was drawn otherwise is chosen for other interactions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import scipy.stats
from numpy.typing import NDArray

from fullrank.data.bins import bin_of, edges_of
from fullrank.data.interactions import Interactions
from fullrank.evaluation.significance import holm

LEVEL = 0.01
"""A bin deviates where its corrected p is below this and its share is off by `MATERIAL`."""
MATERIAL = 0.05
"""Relative difference of a share from the one expected, from which on it matters. With a million
interactions a difference of one in a hundred is certain, and of no consequence."""
FEW = 0.02
"""Bins that deviate and hold less than this of all interactions are an exception to a clean part,
not a skew."""
BLOCK = 1 << 16
"""Users whose interactions are counted at a time."""


@dataclass(frozen=True)
class Bin:
    """Items (or users) with ``low`` to ``high`` interactions in all parts together."""

    low: int
    high: int
    rows: int
    """How many there are."""
    interactions: int
    """Theirs in the part and in what it was drawn from."""
    taken: int
    """Those of them that are in the part."""
    expected: float
    """The share that a uniform draw has on average."""
    p: float
    """Two-sided, corrected for the number of bins (Holm), that a uniform draw is as far off."""

    @property
    def share(self) -> float:
        """The share of the interactions that is in the part."""
        return self.taken / max(self.interactions, 1)

    @property
    def ratio(self) -> float:
        """Share over expected share."""
        return self.share / self.expected if self.expected > 0 else 1.0

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the share."""
        return wilson(self.taken, self.interactions)

    @property
    def deviates(self) -> bool:
        """Whether the share is certainly and materially another than that of a uniform draw."""
        return self.p < LEVEL and abs(self.ratio - 1) >= MATERIAL

    def to_dict(self) -> dict[str, Any]:
        """Counts and what follows from them, for JSON."""
        made = {"share": self.share, "interval": list(self.interval), "deviates": self.deviates}
        return asdict(self) | made


@dataclass(frozen=True)
class Shares:
    """The bins of one side, smallest first, and whether they are those of a uniform draw."""

    bins: tuple[Bin, ...]
    p: float
    """Of all bins together, by χ²."""

    @property
    def deviating(self) -> list[Bin]:
        """Bins whose share is another than that of a uniform draw."""
        return [each for each in self.bins if each.deviates]

    @property
    def skewed(self) -> bool:
        """Whether the bins that deviate hold more than a few of the interactions."""
        return _weighs(self.deviating, self.bins)

    @property
    def tendency(self) -> int:
        """1 where rows with more interactions are taken more often, -1 where less often.

        The sign of the slope of share over expected share by bin, weighted by interactions.
        """
        return _slope([each.ratio for each in self.bins], self.bins)

    def to_dict(self) -> dict[str, Any]:
        """Bins and verdict, for JSON."""
        return {"bins": [each.to_dict() for each in self.bins], "p": self.p, "skewed": self.skewed}


def shares_by_items(rest: Sequence[Interactions], part: Interactions, size: Any = None) -> Shares:
    """The share of ``part`` by popularity, against a uniform draw from each user's interactions.

    Of user u, with a_ub of d_u interactions on items of bin b and q_u of them in the part, a
    uniform draw takes a_ub q_u / d_u from the bin on average, with the covariance of the
    multivariate hypergeometric distribution,
    ``q (d - q) / (d² (d - 1)) (d a_b [b = c] - a_b a_c)``; both are summed over the users.
    So a part that takes more from some users, who like other items than most, is no skew by
    popularity.

    Args:
        rest: What the part was drawn from, without it.
        part: The part; with the same users and items.
        size: (n_items,) what the bins go by; the interactions of ``rest`` and ``part`` if absent.
    """
    size = sum(each.item_degree for each in (*rest, part)) if size is None else size
    edges = edges_of(size)
    bins = bin_of(size, edges)
    n = len(edges)
    expected, covariance, held = np.zeros(n), np.zeros((n, n)), np.zeros(n)
    for start, counts in _counts_by_user((*rest, part), bins, n):
        q = part.user_degree[start : start + len(counts)].astype(np.float64)
        d = np.maximum(counts.sum(axis=1), 1)
        expected += (q / d) @ counts
        held += counts.sum(axis=0)
        spread = q * (d - q) / (d**2 * np.maximum(d - 1, 1))
        covariance += np.diag((spread * d) @ counts) - (counts * spread[:, None]).T @ counts
    taken = np.bincount(bins[part.item_idx], minlength=n)
    return _tested(size, bins, held, taken, expected, covariance)


def shares_by_users(rest: Sequence[Interactions], part: Interactions, size: Any = None) -> Shares:
    """The share of ``part`` by users' activity, against one share for all interactions.

    The test is that of independent draws; a part of a fixed fraction of each user varies less.
    Arguments as for `shares_by_items`, ``size`` by user.
    """
    own = sum(each.user_degree for each in (*rest, part))
    size = own if size is None else size
    edges = edges_of(size)
    bins = bin_of(size, edges)
    n = len(edges)
    taken = np.bincount(bins, weights=part.user_degree, minlength=n).astype(np.int64)
    held = np.bincount(bins, weights=own, minlength=n).astype(np.float64)
    share = len(part) / max(held.sum(), 1)
    covariance = share * (1 - share) * (np.diag(held) - np.outer(held, held) / max(held.sum(), 1))
    return _tested(size, bins, held, taken, share * held, covariance)


def differing(one: Shares, other: Shares) -> list[Bin]:
    """Bins of ``one`` that it takes certainly and materially otherwise than ``other`` does.

    Compared are shares over expected shares, by bins of the same rows; the error of each is that of
    a Poisson count.
    """
    pairs = list(zip(one.bins, other.bins, strict=True))
    gap = [abs(a.ratio - b.ratio) for a, b in pairs]
    error = [
        np.hypot(a.ratio / np.sqrt(max(a.taken, 1)), b.ratio / np.sqrt(max(b.taken, 1)))
        for a, b in pairs
    ]
    z = [g / e if e > 0 else 0.0 for g, e in zip(gap, error, strict=True)]
    corrected = holm([float(2 * scipy.stats.norm.sf(each)) for each in z])
    return [
        a
        for (a, _), p, g in zip(pairs, corrected, gap, strict=True)
        if p is not None and p < LEVEL and g >= MATERIAL
    ]


def alike(one: Shares, other: Shares) -> bool:
    """Whether the bins in which two parts differ hold but a few of the interactions."""
    return not _weighs(differing(one, other), one.bins)


def leaning(one: Shares, other: Shares) -> int:
    """1 where ``one`` takes rows with more interactions more often than ``other``, -1 where less.

    As `Shares.tendency`, of the shares over expected shares of the two, one less the other.
    """
    pairs = zip(one.bins, other.bins, strict=True)
    return _slope([a.ratio - b.ratio for a, b in pairs], one.bins)


def wilson(taken: int, of: int, z: float = 1.959964) -> tuple[float, float]:
    """Wilson's interval of a share, 95 % by default.

    Source: Wilson, JASA 1927.
    """
    if not of:
        return 0.0, 1.0
    share, extra = taken / of, z * z / of
    middle = share + extra / 2
    half = z * np.sqrt(share * (1 - share) / of + extra / (4 * of))
    low, high = (middle - half) / (1 + extra), (middle + half) / (1 + extra)
    return float(max(low, 0.0)), float(min(high, 1.0))


def _slope(values: Sequence[float], bins: Sequence[Bin]) -> int:
    """The sign of the slope of values by bin, weighted by interactions."""
    if len(bins) < 2:
        return 0
    ratio = np.array(values)
    weight = np.array([each.interactions for each in bins], dtype=np.float64)
    place = np.arange(len(ratio)) - np.average(np.arange(len(ratio)), weights=weight)
    return int(np.sign(np.sum(weight * place * ratio)))


def _weighs(some: Sequence[Bin], bins: Sequence[Bin]) -> bool:
    held = sum(each.interactions for each in some)
    return bool(some) and held >= FEW * sum(each.interactions for each in bins)


def _counts_by_user(
    parts: Sequence[Interactions], bins: NDArray[np.int64], n: int
) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """First user of a block, and (users, n) interactions of each on items of each bin."""
    n_users = parts[0].n_users
    for start in range(0, n_users, BLOCK):
        stop = min(start + BLOCK, n_users)
        counts = np.zeros((stop - start) * n)
        for each in parts:
            entries = slice(each.indptr[start], each.indptr[stop])
            user = np.repeat(np.arange(stop - start), np.diff(each.indptr[start : stop + 1]))
            key = user * n + bins[each.item_idx[entries]]
            counts += np.bincount(key, minlength=len(counts))
        yield start, counts.reshape(-1, n)


def _tested(
    size: NDArray[np.int64],
    bins: NDArray[np.int64],
    held: NDArray[np.float64],
    taken: NDArray[np.int64],
    expected: NDArray[np.float64],
    covariance: NDArray[np.float64],
) -> Shares:
    """Bins with their p-values: each by its own variance, all together by χ²."""
    off = taken - expected
    variance = np.diagonal(covariance)
    # A bin that a draw cannot miss has no variance.
    z = np.abs(off) / np.sqrt(np.maximum(variance, 1e-9))
    corrected = holm([float(p) for p in 2 * scipy.stats.norm.sf(z)])
    inverse = np.linalg.pinv(covariance, rcond=1e-9, hermitian=True)
    freedom = int(np.linalg.matrix_rank(covariance, hermitian=True))
    together = float(scipy.stats.chi2.sf(off @ inverse @ off, freedom)) if freedom else 1.0
    made = []
    for at, p in enumerate(corrected):
        inside = size[(bins == at) & (size > 0)]
        bounds = (int(inside.min()), int(inside.max())) if len(inside) else (0, 0)
        n = int(held[at])
        share = float(expected[at]) / n if n else 0.0
        made.append(Bin(*bounds, len(inside), n, int(taken[at]), share, float(p or 0.0)))
    return Shares(tuple(made), together)
