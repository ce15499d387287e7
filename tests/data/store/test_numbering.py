"""Ranks of hashes against a search."""

from __future__ import annotations

import numpy as np
import pytest

from fullrank.data.store.numbering import Ranks, distinct


@pytest.mark.parametrize("n", [1, 2, 3, 1000, 100_000])
@pytest.mark.parametrize("low", [0, 2**63])
@pytest.mark.parametrize("span", [2**64, 2**40])
def test_against_a_search(n, low, span):
    rng = np.random.default_rng(n)
    drawn = rng.integers(low, min(low + span, 2**64), size=n, dtype=np.uint64)
    ordered = distinct(drawn)
    asked = rng.choice(ordered, 3 * n)
    assert np.array_equal(Ranks(ordered).of(asked), np.searchsorted(ordered, asked))


def test_hashes_that_lie_close_together():
    """No hash is so, but the ranks are right all the same."""
    ordered = np.array([0, 1, 2, 3, 2**64 - 2, 2**64 - 1], dtype=np.uint64)
    assert Ranks(ordered).of(ordered[::-1]).tolist() == [5, 4, 3, 2, 1, 0]


def test_none():
    nothing = np.empty(0, dtype=np.uint64)
    assert len(distinct(nothing)) == 0
    assert len(Ranks(nothing).of(nothing)) == 0
