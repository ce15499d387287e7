"""What each metric is: pure functions of hits, one float64 a user, and of recommended lists.

A per-user metric takes

- ``hits`` (U, r) bool: whether the item at each rank is a test item of the user, best rank first;
- ``n_test`` (U,) int: the number of test items of each user, ``|T_u|``, at least one;
- ``k``: the cutoff. In the standard protocol r = k.

and returns (U,) float64, unrounded. Ranks count from 1; ``hit(r)`` is 1 where rank r is a hit.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Hits = NDArray[np.bool_]
Counts = NDArray[np.integer[Any]]
Values = NDArray[np.float64]


def recall(hits: Hits, n_test: Counts, k: int) -> Values:  # noqa: ARG001
    """``Σ_r hit(r) / |T_u|``: the share of the test items that are found."""
    return _found(hits) / n_test


def recall_capped(hits: Hits, n_test: Counts, k: int) -> Values:
    """``Σ_r hit(r) / min(k, |T_u|)``: the share of what k ranks can hold."""
    return _found(hits) / np.minimum(k, n_test)


def precision(hits: Hits, n_test: Counts, k: int) -> Values:  # noqa: ARG001
    """``Σ_r hit(r) / k``; empty slots count as misses."""
    return _found(hits) / k


def hit_rate(hits: Hits, n_test: Counts, k: int) -> Values:  # noqa: ARG001
    """``max_r hit(r)``: 1 where at least one test item is found, else 0."""
    return (_found(hits) > 0).astype(np.float64)


def mrr(hits: Hits, n_test: Counts, k: int) -> Values:  # noqa: ARG001
    """``max_r hit(r) / r``: one over the rank of the first hit, 0 without a hit."""
    values: Values = (hits / _ranks(hits)).max(axis=1, initial=0.0)
    return values


def ndcg(hits: Hits, n_test: Counts, k: int) -> Values:
    """``Σ_r hit(r) / log2(r + 1)`` over its ideal ``Σ_{r ≤ min(k, |T_u|)} 1 / log2(r + 1)``.

    Gains are binary. Source: Järvelin & Kekäläinen, TOIS 2002, with the discount log2(r + 1).
    """
    discount = 1 / np.log2(_ranks(hits) + 1)
    ideal = np.cumsum(1 / np.log2(np.arange(2, k + 2)))
    values: Values = (hits @ discount) / ideal[np.minimum(k, n_test) - 1]
    return values


def average_precision(hits: Hits, n_test: Counts, k: int) -> Values:
    """``Σ_r hit(r) (hits up to r) / r`` over ``min(k, |T_u|)``; its mean is map@k.

    Many tools, trec_eval among them, divide by ``|T_u|``, so that a perfect list of k items scores
    less than 1 where a user has more than k test items.
    """
    precision_at_rank = np.cumsum(hits, axis=1) / _ranks(hits)
    values: Values = (hits * precision_at_rank).sum(axis=1) / np.minimum(k, n_test)
    return values


class Exposure(NamedTuple):
    """What a set of recommended lists shows of the catalogue."""

    counts: Counts
    """(n_items,) in how many lists each item stands."""
    popularity: Counts
    """(n_items,) how many users each item has in the training data."""

    @classmethod
    def of(cls, items: Counts, popularity: Counts) -> Exposure:
        """Counts the lists ``items`` (U, k); empty slots, -1, do not count."""
        shown = np.bincount(items[items >= 0], minlength=len(popularity))
        return cls(shown, popularity)


def item_coverage(exposure: Exposure) -> float:
    """``|{i: c_i > 0}| / n``: the share of all items that stand in at least one list."""
    return float((exposure.counts > 0).mean())


def gini(exposure: Exposure) -> float:
    """``Σ_j (2j - n - 1) c_(j) / (n Σ_j c_j)``, with the counts ``c_(1) ≤ … ≤ c_(n)``.

    0 when all n items are recommended equally often (or none at all), (n - 1) / n when one takes
    every slot. Items that are never recommended count.
    """
    counts = np.sort(exposure.counts)
    n, total = len(counts), counts.sum()
    if total == 0:
        return 0.0
    weights = 2 * np.arange(1, n + 1) - n - 1
    return float(weights @ counts / (n * total))


def mean_popularity(exposure: Exposure) -> float:
    """``Σ_i c_i p_i / Σ_i c_i``: the mean training popularity over all filled slots."""
    total = exposure.counts.sum()
    if total == 0:
        return 0.0
    return float(exposure.counts @ exposure.popularity / total)


def _found(hits: Hits) -> NDArray[np.int64]:
    count: NDArray[np.int64] = hits.sum(axis=1)
    return count


def _ranks(hits: Hits) -> NDArray[np.int64]:
    return np.arange(1, hits.shape[1] + 1)
