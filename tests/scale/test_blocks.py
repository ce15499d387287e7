"""Blocks of users: together they are the table."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from fullrank.data.synthetic import generate
from fullrank.scale.blocks import bounds
from fullrank.scale.sources import InMemory


@pytest.mark.parametrize("workers", [1, 2, 3, 7])
def test_blocks_are_the_table(workers: int) -> None:
    data = generate(50, 40, 400, seed=3)
    ends = bounds(data.n_users, workers)
    source = InMemory.of({"train": data})
    blocks = [source.block("train", a, b) for a, b in itertools.pairwise(ends)]
    assert sum(block.users for block in blocks) == data.n_users
    assert np.array_equal(np.concatenate([block.item_idx for block in blocks]), data.item_idx)
    for block in blocks:
        begun = block.first_pair + block.indptr
        assert np.array_equal(begun, data.indptr[block.first : block.first + block.users + 1])
        assert block.pairs == len(block.item_idx)
        assert block.whole.pairs == len(data)


@pytest.mark.parametrize(("rows", "workers"), [(10, 4), (3, 5), (0, 2), (10**9, 256)])
def test_bounds_are_even(rows: int, workers: int) -> None:
    sizes = np.diff(bounds(rows, workers))
    assert sizes.sum() == rows
    assert sizes.max() - sizes.min() <= 1
