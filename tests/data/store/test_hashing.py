"""Hashes: fixed values, against slow Python, and how they spread."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from slow_hashes import slow_of

from fullrank.data.store.hashing import (
    below,
    integers,
    mixed,
    of_ids,
    of_pairs,
    partition_of,
    unmixed,
)

STRINGS = ["a", "user-1", "user-10", "12345678", "123456789", "é" * 9, "a\0", "a\0\0", "x" * 100]
NUMBERS = [0, 1, -1, 2**31, -(2**31), 2**63 - 1, -(2**63)]


def test_first_values_of_splitmix64():
    """The generator of seed 0, as its authors print it."""
    assert int(of_ids(pl.Series([0]))[0]) == 0xE220A8397B1DCDAF


@pytest.mark.parametrize("salt", [0, 3])
def test_strings_against_slow_python(salt):
    found = of_ids(pl.Series(STRINGS), salt).tolist()
    assert found == [slow_of(each, salt) for each in STRINGS]
    assert len(set(found)) == len(STRINGS)


@pytest.mark.parametrize("dtype", [pl.Int64, pl.Int8, pl.UInt32, pl.UInt64])
def test_integers_against_slow_python_and_back(dtype):
    low, high = (pl.select(each).item() for each in (dtype.min(), dtype.max()))
    values = [each for each in [*NUMBERS, 2**64 - 1] if low <= each <= high]
    hashes = of_ids(pl.Series(values, dtype=dtype))
    assert hashes.tolist() == [slow_of(each) for each in values]
    back = integers(hashes, dtype())
    assert back.dtype == dtype
    assert back.to_list() == values


def test_a_block_of_long_columns_is_like_any_other(monkeypatch):
    ids = pl.Series([f"{n}" * (n % 7 + 1) for n in range(1000)])
    whole = of_ids(ids)
    monkeypatch.setattr("fullrank.data.blocks.BLOCK", 64)
    assert np.array_equal(of_ids(ids), whole)


def test_mixing_is_undone():
    values = np.random.default_rng(0).integers(2**64, size=10_000, dtype=np.uint64)
    assert np.array_equal(unmixed(mixed(values)), values)
    assert not np.array_equal(mixed(values), values)


@pytest.mark.parametrize("partitions", [1, 2, 7, 64, 65536])
def test_partitions_are_ranges_in_order(partitions):
    hashes = np.sort(of_ids(pl.Series(np.arange(200_000))))
    of = partition_of(hashes, partitions)
    assert (np.diff(of) >= 0).all()
    assert of[0] >= 0
    assert of[-1] < partitions
    if partitions < 100:
        counts, mean = np.bincount(of, minlength=partitions), len(of) / partitions
        assert (np.abs(counts - mean) < 6 * np.sqrt(mean)).all()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.999])
def test_shares_are_binomial_and_seeds_independent(share):
    """Users and items that count up are the hardest input of a hash."""
    users, items = (of_ids(pl.Series(np.arange(400))) for _ in range(2))
    pairs = np.repeat(users, 400), np.tile(items, 400)
    n = len(pairs[0])
    one, other = (of_pairs(*pairs, seed) < below(share) for seed in (0, 1))
    for mask in (one, other):
        assert abs(mask.sum() - share * n) <= 5 * np.sqrt(share * (1 - share) * n)
        by_user = mask.reshape(400, 400).sum(axis=1)  # variance of a binomial in rows too
        assert by_user.var() == pytest.approx(400 * share * (1 - share), rel=0.4)
    assert abs((one & other).sum() - share**2 * n) <= 5 * np.sqrt(share**2 * n)
    swapped = of_pairs(pairs[1], pairs[0], 0) < below(share)
    assert share == 0 or (swapped != one).any()
