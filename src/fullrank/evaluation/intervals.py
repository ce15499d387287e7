"""How far a mean over users would move with other users of the same kind: bootstrap intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import scipy.stats
from numpy.typing import NDArray

Values = NDArray[np.float64]
Interval = tuple[float, float]

LEVEL, RESAMPLES, SEED = 0.95, 1000, 0
LARGE = 100_000
"""Users from which on the mean is as good as normal, and no resample is drawn."""
BLOCK = 1 << 22
"""Draws that are held at a time."""
DEFINITION: dict[str, Any] = {
    "over": "users",
    "method": f"bootstrap, BCa; normal from {LARGE:,} users on",
    "level": LEVEL,
    "resamples": RESAMPLES,
    "seed": SEED,
}
"""What an interval is, for reports."""


def intervals(values: Mapping[str, Values], level: float = LEVEL) -> dict[str, Interval]:
    """Intervals of the means over users, 95 % unless told.

    Bias-corrected and accelerated: of B resampled means those quantiles are taken that
    ``Φ(z₀ + (z₀ ± z) / (1 - a (z₀ ± z)))`` names, where Φ(z₀) is the share of resampled means below
    the mean and ``a = Σ (x - x̄)³ / (6 (Σ (x - x̄)²)^1.5)``. Every metric has the same resamples.

    Args:
        values: By metric, (U,) float64 each, the same users.
        level: Share of such intervals that have the mean of all users in them.

    Returns:
        None of them with fewer than two users.

    Source: Efron, JASA 1987.
    """
    if not values:
        return {}
    table = np.stack(list(values.values()), axis=1)
    if len(table) < 2:
        return {}
    bounds = (_normal if len(table) >= LARGE else _accelerated)(table, level)
    return {
        name: (float(low), float(high)) for name, (low, high) in zip(values, bounds.T, strict=True)
    }


def shown(value: float, between: Sequence[float] | None) -> str:
    """``0.2193 [0.2141, 0.2246]``, or the value alone."""
    text = f"{value:.4f}" if abs(value) < 10 else f"{value:,.1f}"
    return text if between is None else f"{text} [{between[0]:.4f}, {between[1]:.4f}]"


def _normal(table: Values, level: float) -> Values:
    half = scipy.stats.norm.ppf((1 + level) / 2) * table.std(axis=0, ddof=1) / np.sqrt(len(table))
    return np.stack((table.mean(axis=0) - half, table.mean(axis=0) + half))


def _accelerated(table: Values, level: float) -> Values:
    """(2, metrics) lower and upper ends."""
    mean, means = table.mean(axis=0), _resampled(table)
    off = table - mean
    varies = np.ptp(table, axis=0) > 0
    square = np.where(varies, np.square(off).sum(axis=0), 1.0)
    a = np.where(varies, (off**3).sum(axis=0), 0.0) / (6 * square**1.5)
    below = (means < mean).mean(axis=0) + (means == mean).mean(axis=0) / 2
    z0 = scipy.stats.norm.ppf(np.clip(below, 1 / (2 * RESAMPLES), 1 - 1 / (2 * RESAMPLES)))
    ends = np.empty((2, table.shape[1]))
    for row, tail in enumerate(((1 - level) / 2, (1 + level) / 2)):
        z = z0 + scipy.stats.norm.ppf(tail)
        at = scipy.stats.norm.cdf(z0 + z / (1 - a * z))
        ends[row] = [np.quantile(column, q) for column, q in zip(means.T, at, strict=True)]
    return np.where(varies, ends, mean)


def _resampled(table: Values) -> Values:
    """(B, metrics) means of users drawn with replacement."""
    n, rng = len(table), np.random.default_rng(SEED)
    step = max(1, BLOCK // n)
    means = []
    for start in range(0, RESAMPLES, step):
        size = min(step, RESAMPLES - start)
        drawn = rng.integers(n, size=(size, n)) + n * np.arange(size)[:, None]
        times = np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n)
        means.append(times @ table / n)
    return np.concatenate(means)
