from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from fullrank.evaluation.significance import (
    better_for_users,
    better_over_seeds,
    differs_over_seeds,
    holm,
)


def test_users_are_paired():
    rng = np.random.default_rng(0)
    hard = rng.random(200)
    one, other = hard + 0.01 + 0.01 * rng.standard_normal(200), hard
    expected = scipy.stats.ttest_rel(one, other, alternative="greater").pvalue
    assert better_for_users(one, other) == pytest.approx(expected)
    assert better_for_users(one, other) < 1e-6  # unpaired it would be lost among easy and hard
    assert better_for_users(other, one) > 0.99
    assert better_for_users(one, one) == 1
    with pytest.raises(ValueError, match="found 3 and 2"):
        better_for_users(one[:3], other[:2])
    with pytest.raises(ValueError, match="found 1 and 1"):
        better_for_users(one[:1], other[:1])


def test_seeds():
    one, other = [0.22, 0.221, 0.219], [0.21, 0.212, 0.209]
    expected = scipy.stats.ttest_ind(one, other, equal_var=False, alternative="greater").pvalue
    assert better_over_seeds(one, other) == pytest.approx(expected)
    assert better_over_seeds(one, [0.2]) is None
    assert better_over_seeds([0.3, 0.3], [0.2, 0.2]) == 0
    assert better_over_seeds([0.2, 0.2], [0.2, 0.2]) == 1


@pytest.mark.filterwarnings("error")
def test_one_that_does_not_vary():
    """Welch's t, with one degree of freedom: .105 / (.01 / 2) = 21."""
    expected = scipy.stats.t.sf(21, 1)
    for one, other in (([0.3, 0.31], [0.2, 0.2]), ([-0.2, -0.2], [-0.3, -0.31])):
        assert better_over_seeds(one, other) == pytest.approx(expected)
        assert differs_over_seeds(one, other) == pytest.approx(2 * expected)


def test_holm():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, None, 0.9]) == [1.0, None, 1.0]
    assert holm([]) == []
