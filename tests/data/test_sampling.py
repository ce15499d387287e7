from __future__ import annotations

from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from fullrank import native
from fullrank.data import Ids, Interactions, sampling
from fullrank.data.sampling import PairSampler
from fullrank.errors import FitError

N_USERS, N_ITEMS = 6, 9
USER_IDS, ITEM_IDS = (Ids(pl.Series([f"x{row}" for row in range(n)])) for n in (N_USERS, N_ITEMS))
# Users 1, 4 and 5 have nothing; user 3 has all items but the last.
OWNED = {0: [0, 1, 2, 5], 2: [1, 8], 3: [0, 1, 2, 3, 4, 5, 6, 7]}
USERS = np.repeat(list(OWNED), [len(items) for items in OWNED.values()])
ITEMS = np.concatenate(list(OWNED.values()))
DATA = Interactions.from_rows(USER_IDS, ITEM_IDS, USERS, ITEMS)
RULES = pytest.mark.parametrize("rule", ["users", "interactions"])


def drawn(rule, steps=400, batch=1024, *, negatives=0, seed=0, start=0, **options):
    sampler = PairSampler(DATA, rule, negatives, **options)
    return list(sampler.batches(np.random.default_rng(seed), steps, batch, start=start))


def assert_same(left, right):
    for first, second in zip(left, right, strict=True):
        for a, b in zip(first, second, strict=True):
            np.testing.assert_array_equal(a, b)


def assert_drawn_from(counts, share):
    """Whether a table of counts can come of a table of probabilities that sums to one."""
    assert counts[share == 0].sum() == 0
    seen = share > 0
    expected = share[seen] * counts.sum()
    chi_square = ((counts[seen] - expected) ** 2 / expected).sum()
    freedom = seen.sum() - 1
    assert chi_square <= freedom + 4 * np.sqrt(2 * freedom)  # four deviations above its mean


@RULES
def test_pairs_are_observed_and_evenly_drawn(rule):
    counts = np.zeros((N_USERS, N_ITEMS))
    for batch in drawn(rule):
        np.add.at(counts, (batch.user_idx, batch.item_idx), 1)
    share = np.zeros((N_USERS, N_ITEMS))
    degree = DATA.user_degree[USERS]
    share[USERS, ITEMS] = 1 / (len(OWNED) * degree) if rule == "users" else 1 / len(USERS)
    assert_drawn_from(counts, share)
    assert set(np.flatnonzero(counts.sum(1))) == set(OWNED)


@RULES
@pytest.mark.parametrize("damping", [0.5, 2.0])
def test_damped_pairs_are_drawn_by_the_power_of_their_items_degree(rule, damping):
    counts = np.zeros((N_USERS, N_ITEMS))
    for batch in drawn(rule, damping=damping):
        np.add.at(counts, (batch.user_idx, batch.item_idx), 1)
    share = np.zeros((N_USERS, N_ITEMS))
    degree = np.bincount(ITEMS, minlength=N_ITEMS)
    share[USERS, ITEMS] = degree[ITEMS] ** -damping
    if rule == "users":
        share[USERS, ITEMS] /= DATA.user_degree[USERS]
    assert_drawn_from(counts, share / share.sum())


@RULES
def test_negatives_are_unobserved_and_evenly_drawn(rule):
    counts = np.zeros((N_USERS, N_ITEMS))
    for batch in drawn(rule, negatives=3):
        np.add.at(counts, (np.repeat(batch.user_idx, 3), batch.negative_idx.ravel()), 1)
    assert counts[USERS, ITEMS].sum() == 0
    unseen = np.ones((N_USERS, N_ITEMS))
    unseen[USERS, ITEMS] = 0
    for user in OWNED:
        assert counts[user].sum() > 0
        assert_drawn_from(counts[user], unseen[user] / unseen[user].sum())


@RULES
def test_draws_do_not_depend_on_those_before(rule):
    counts = np.zeros((N_ITEMS, N_ITEMS))
    items = np.concatenate([batch.item_idx for batch in drawn(rule)])
    np.add.at(counts, (items[:-1], items[1:]), 1)
    share = np.bincount(items, minlength=N_ITEMS) / len(items)
    assert_drawn_from(counts, np.outer(share, share))


@RULES
@pytest.mark.parametrize("negatives", [0, 2])
def test_shapes_and_types(rule, negatives):
    batches = drawn(rule, 3, 5, negatives=negatives)
    assert len(batches) == 3
    for user_idx, item_idx, negative_idx in batches:
        assert user_idx.shape == item_idx.shape == (5,)
        assert user_idx.dtype == item_idx.dtype == np.int64
        if negatives:
            assert negative_idx.shape == (5, 2)
            assert negative_idx.dtype == np.int64
        else:
            assert negative_idx is None


@pytest.mark.slow
@pytest.mark.parametrize("batch", [1, 3, 4])
@pytest.mark.parametrize("negatives", [0, 2])
def test_systematic_pairs_come_once_an_epoch_in_a_new_order(batch, negatives, monkeypatch):
    monkeypatch.setattr("fullrank.data.sampling.CHUNK", 5)
    sampler = PairSampler(DATA, "interactions", negatives, systematic=True)
    steps = sampler.steps(batch)
    assert steps == len(DATA) // batch
    rng, places = np.random.default_rng(0), np.zeros((len(DATA), steps * batch))
    of_pair = {pair: cell for cell, pair in enumerate(zip(USERS, ITEMS, strict=True))}
    for _ in range(2000):
        batches = list(sampler.batches(rng, steps, batch))
        users = np.concatenate([each.user_idx for each in batches]).tolist()
        items = np.concatenate([each.item_idx for each in batches]).tolist()
        cells = [of_pair[pair] for pair in zip(users, items, strict=True)]
        assert len(set(cells)) == steps * batch
        places[cells, np.arange(steps * batch)] += 1
    assert_drawn_from(places, np.full(places.shape, 1 / places.size))


@RULES
@pytest.mark.parametrize("damping", [0.0, 0.7])
def test_systematic_pairs_come_as_often_as_their_chance_says(rule, damping):
    sampler = PairSampler(DATA, rule, damping=damping, systematic=True)
    share = np.bincount(ITEMS, minlength=N_ITEMS)[ITEMS] ** -damping
    if rule == "users":
        share = share / DATA.user_degree[USERS]
    expected = 7 * 30 * share / share.sum()
    rng, total = np.random.default_rng(0), np.zeros(len(DATA))
    for _ in range(400):
        counts = np.zeros((N_USERS, N_ITEMS))
        for batch in sampler.batches(rng, 7, 30):
            np.add.at(counts, (batch.user_idx, batch.item_idx), 1)
        assert counts.sum() == 7 * 30
        assert (abs(counts[USERS, ITEMS] - expected) < 1 + 1e-9).all()
        total += counts[USERS, ITEMS]
    assert abs(total / 400 - expected).max() < 5 * 0.5 / np.sqrt(400)


def test_systematic_pairs_fill_a_batch_that_is_larger_than_all_of_them():
    sampler = PairSampler(DATA, "interactions", systematic=True)
    (batch,) = sampler.batches(np.random.default_rng(0), 1, 2 * len(DATA))
    counts = np.zeros((N_USERS, N_ITEMS))
    np.add.at(counts, (batch.user_idx, batch.item_idx), 1)
    assert (counts[USERS, ITEMS] == 2).all()


@pytest.mark.parametrize("negatives", [0, 2])
@pytest.mark.parametrize("chunk", [64 * 5, 64 * 5 + 63, 1])
@RULES
@pytest.mark.parametrize("systematic", [False, True])
def test_starting_in_the_middle_passes_over_what_was_drawn(
    rule, negatives, chunk, systematic, monkeypatch
):
    monkeypatch.setattr("fullrank.data.sampling.CHUNK", chunk)
    options = {"negatives": negatives, "systematic": systematic}
    whole = drawn(rule, 23, 64, **options)
    for start in (0, 4, 5, 17, 22, 23):
        assert_same(drawn(rule, 23, 64, start=start, **options), whole[start:])
    damped = drawn(rule, 23, 64, negatives=negatives, damping=1.0)
    assert_same(drawn(rule, 23, 64, negatives=negatives, damping=1.0, start=9), damped[9:])


def test_batches_differ_within_and_across_chunkes(monkeypatch):
    monkeypatch.setattr("fullrank.data.sampling.CHUNK", 64 * 5)
    for first, second in pairwise(drawn("users", 12, 64)):
        assert (first.item_idx != second.item_idx).any()


@RULES
def test_same_seed_same_bits(rule):
    for damping in (0.0, 0.5):
        first, again, other = (
            drawn(rule, 3, negatives=2, seed=seed, damping=damping) for seed in (1, 1, 2)
        )
        assert_same(first, again)
        for side in range(3):
            assert (first[0][side] != other[0][side]).any()


@RULES
def test_the_global_seed_plays_no_part(rule):
    np.random.seed(0)  # noqa: NPY002
    first = drawn(rule, 3, negatives=2)
    np.random.seed(1)  # noqa: NPY002
    assert_same(drawn(rule, 3, negatives=2), first)


@pytest.mark.parametrize("chunk", [1, 64 * 5])
def test_shared_negatives_are_any_items_once_a_batch(chunk, monkeypatch):
    monkeypatch.setattr("fullrank.data.sampling.CHUNK", chunk)
    sampler = PairSampler(DATA, "interactions", 500, shared=True)
    whole = list(sampler.batches(np.random.default_rng(0), 23, 64))
    assert {batch.negative_idx.shape for batch in whole} == {(1, 500)}
    counts = np.bincount(np.concatenate([b.negative_idx[0] for b in whole]), minlength=N_ITEMS)
    assert_drawn_from(counts, np.full(N_ITEMS, 1 / N_ITEMS))
    for start in (0, 4, 22, 23):
        rest = sampler.batches(np.random.default_rng(0), 23, 64, start=start)
        assert_same(list(rest), whole[start:])
    one, another = (batch.negative_idx for batch in whole[:2])
    assert (one != another).any()


def test_nothing_to_draw():
    everything = np.arange(N_ITEMS)
    full = Interactions.from_rows(USER_IDS, ITEM_IDS, np.full(N_ITEMS, 4), everything)
    with pytest.raises(FitError, match="user 'x4' with every item"):
        PairSampler(full, "users", 1)
    assert PairSampler(full, "users", 1, shared=True).negatives == 1
    batch = next(PairSampler(full, "users").batches(np.random.default_rng(0), 1, 8))
    assert (batch.user_idx == 4).all()
    empty = Interactions.from_rows(USER_IDS, ITEM_IDS, np.array([], int), np.array([], int))
    with pytest.raises(FitError, match="no interactions"):
        PairSampler(empty, "users")


@RULES
@pytest.mark.parametrize("systematic", [False, True])
def test_kernels_and_numpy_draw_alike(small, rule, systematic, monkeypatch):
    sampler = PairSampler(small.train, rule, negatives=3, systematic=systematic)
    fast = list(sampler.batches(np.random.default_rng(0), 30, 64))
    monkeypatch.setattr(native, "available", lambda: False)
    slow = list(sampler.batches(np.random.default_rng(0), 30, 64))
    for left, right in zip(fast, slow, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(left, right, strict=True))


def test_threads_look_up_the_same_pairs(monkeypatch):
    monkeypatch.setattr(sampling, "CACHE", 0)
    monkeypatch.setenv(native.CORES, "3")
    batches = []
    for threads in (1, 3):
        sampler = PairSampler(DATA, "interactions", threads=threads)
        batches.append(list(sampler.batches(np.random.default_rng(0), 40, 7)))
    assert_same(*batches)
