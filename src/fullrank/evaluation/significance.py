"""Whether one method is better than another, or just luckier."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import scipy.stats
from numpy.typing import NDArray

Values = NDArray[np.float64]


def better_for_users(one: Values, other: Values) -> float:
    """One-tailed p of a paired t-test over users: is the mean of ``one - other`` above zero?

    Shapes: (n_users,) each, the same users in the same order. Equal values give 1.

    Raises:
        ValueError: there are fewer than two users, or not as many of each.
    """
    if len(one) != len(other) or len(one) < 2:
        raise ValueError(f"paired test: found {len(one)} and {len(other)} values; expected pairs")
    gain = one - other
    if not gain.any():
        return 1.0
    return float(scipy.stats.ttest_1samp(gain, 0.0, alternative="greater").pvalue)


def better_over_seeds(one: Sequence[float], other: Sequence[float]) -> float | None:
    """One-tailed p of Welch's t-test over runs with different seeds; the paper's test.

    Returns:
        None where there are fewer than two runs of one of them; where neither varies, 0 or 1 by
        which is larger.
    """
    if min(len(one), len(other)) < 2:
        return None
    if np.ptp(one) == 0 and np.ptp(other) == 0:
        return 0.0 if one[0] > other[0] else 1.0
    with warnings.catch_warnings():
        # A method without chance in it does not vary, and scipy warns of that.
        warnings.filterwarnings("ignore", message="Precision loss occurred")
        test = scipy.stats.ttest_ind(one, other, equal_var=False, alternative="greater")
    return float(test.pvalue)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """P-values corrected for their number by Holm's step-down; None stays None.

    Source: Holm, Scandinavian Journal of Statistics 1979.
    """
    known = sorted((p, at) for at, p in enumerate(p_values) if p is not None)
    corrected: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (p, at) in enumerate(known):
        largest = max(largest, min(1.0, p * (len(known) - rank)))
        corrected[at] = largest
    return corrected
