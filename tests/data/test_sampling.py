from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from fullrank.data import Ids, Interactions
from fullrank.data.sampling import PairSampler
from fullrank.errors import FitError

IDS = Ids(pl.Series([f"x{row}" for row in range(6)]))
USERS, ITEMS = np.array([0, 0, 0, 0, 2, 2, 3]), np.array([0, 1, 2, 5, 1, 4, 3])
DATA = Interactions.from_rows(IDS, IDS, USERS, ITEMS)


def drawn(rule, steps=400, batch=64, *, negatives=0, seed=0, start=0):
    sampler = PairSampler(DATA, rule, negatives)
    return list(sampler.batches(np.random.default_rng(seed), steps, batch, start=start))


@pytest.mark.parametrize("rule", ["users", "interactions"])
def test_pairs_are_observed_and_evenly_drawn(rule):
    batches = drawn(rule)
    pairs = np.stack([np.concatenate([b[side] for b in batches]) for side in (0, 1)])
    counts = np.zeros((6, 6))
    np.add.at(counts, tuple(pairs), 1)
    expected = np.zeros((6, 6))
    degree = np.bincount(USERS, minlength=6)
    share = 1 / (3 * degree[USERS]) if rule == "users" else np.full(7, 1 / 7)
    expected[USERS, ITEMS] = share * counts.sum()
    assert counts[expected == 0].sum() == 0
    seen = expected > 0
    chi = ((counts - expected)[seen] ** 2 / expected[seen]).sum()
    assert chi < 22.5  # the 0.1 % point for 6 degrees of freedom


def test_negatives_are_unobserved_and_evenly_drawn():
    batches = drawn("interactions", negatives=3)
    counts = np.zeros((6, 6))
    for batch in batches:
        np.add.at(counts, (np.repeat(batch.user_idx, 3), batch.negative_idx.ravel()), 1)
    assert counts[USERS, ITEMS].sum() == 0
    user = counts[0][[3, 4]]
    assert abs(user[0] / user.sum() - 0.5) < 0.02


def test_starting_in_the_middle_passes_over_what_was_drawn(monkeypatch):
    monkeypatch.setattr("fullrank.data.sampling.STRETCH", 64 * 5)
    for negatives in (0, 2):
        whole = drawn("users", 23, negatives=negatives)
        for start in (0, 4, 5, 17, 22):
            rest = drawn("users", 23, negatives=negatives, start=start)
            assert len(rest) == 23 - start
            for left, right in zip(whole[start:], rest, strict=True):
                for a, b in zip(left, right, strict=True):
                    np.testing.assert_array_equal(a, b)


def test_seeds():
    first, again, other = (drawn("users", 3, seed=seed)[2].item_idx for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_nothing_to_draw():
    full = Interactions.from_rows(IDS, IDS, np.zeros(6, int), np.arange(6))
    with pytest.raises(FitError, match="user 'x0' with every item"):
        PairSampler(full, "users", 1)
    empty = Interactions.from_rows(IDS, IDS, np.array([], int), np.array([], int))
    with pytest.raises(FitError, match="no interactions"):
        PairSampler(empty, "users")
