"""Whether one method is better than another, or just luckier."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Literal, TypeVar

import numpy as np
import scipy.stats
from numpy.typing import NDArray

Values = NDArray[np.float64]
T = TypeVar("T")


def differs_for_users(one: Values, other: Values) -> float:
    """Two-sided p of a paired t-test over users: is the mean of ``one - other`` another than zero?

    Shapes: (n_users,) each, the same users in the same order. Equal values give 1.

    Raises:
        ValueError: there are fewer than two users, or not as many of each.
    """
    return _for_users(one, other, "two-sided")


def better_for_users(one: Values, other: Values) -> float:
    """One-tailed p of a paired t-test over users: is the mean of ``one - other`` above zero?

    For a pair that was chosen before its values were seen; see `best_against_others`.

    Raises:
        ValueError: there are fewer than two users, or not as many of each.
    """
    return _for_users(one, other, "greater")


def differs_over_seeds(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Two-sided p of Welch's t-test over runs with different seeds.

    Returns:
        None where there are fewer than two runs of one of them; where neither varies, 0 where they
        differ and 1 where not.
    """
    return _over_seeds(one, other, "two-sided")


def better_over_seeds(one: Sequence[float], other: Sequence[float]) -> float | None:
    """One-tailed p of Welch's t-test over runs with different seeds; the paper's test.

    Returns:
        None where there are fewer than two runs of one of them; where neither varies, 0 or 1 by
        which is larger.
    """
    return _over_seeds(one, other, "greater")


def best_against_others(
    runs: Sequence[T], test: Callable[[T, T], float | None]
) -> list[float | None]:
    """P-values of the first of several against each other one, corrected for its being the best.

    Who is best was found by looking, so that any pair could have been the one tested: Holm's
    correction runs over all pairs. Corrected over the others alone, one in seven comparisons of ten
    equal methods finds a difference at p < 0.05, and with one-tailed tests one in four.

    Args:
        runs: The best, then the others.
        test: Gives a two-sided p of a pair.

    Returns:
        A value for each of the others, in their order.
    """
    pairs = list(combinations(range(len(runs)), 2))  # those of the first come first
    corrected = holm([test(runs[one], runs[other]) for one, other in pairs])
    return corrected[: len(runs) - 1]


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


def _for_users(one: Values, other: Values, side: Literal["two-sided", "greater"]) -> float:
    if len(one) != len(other) or len(one) < 2:
        raise ValueError(f"paired test: found {len(one)} and {len(other)} values; expected pairs")
    gain = one - other
    if not gain.any():
        return 1.0
    return float(scipy.stats.ttest_1samp(gain, 0.0, alternative=side).pvalue)


def _over_seeds(
    one: Sequence[float], other: Sequence[float], side: Literal["two-sided", "greater"]
) -> float | None:
    if min(len(one), len(other)) < 2:
        return None
    if np.ptp(one) == 0 and np.ptp(other) == 0:
        found = one[0] > other[0] if side == "greater" else one[0] != other[0]
        return 0.0 if found else 1.0
    with warnings.catch_warnings():
        # A method without chance in it does not vary, and scipy warns of that.
        warnings.filterwarnings("ignore", message="Precision loss occurred")
        test = scipy.stats.ttest_ind(one, other, equal_var=False, alternative=side)
    return float(test.pvalue)
