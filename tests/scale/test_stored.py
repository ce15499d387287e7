"""Blocks of a store are those of the table in memory, for any number of workers."""

from __future__ import annotations

import numpy as np
import pytest

from fullrank.data.store import Store, prepare
from fullrank.data.synthetic import generate
from fullrank.errors import DataError, SettingError
from fullrank.scale.blocks import block_of, bounds
from fullrank.scale.stored import block_of_store


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Store:
    home = tmp_path_factory.mktemp("store")
    generate(90, 40, 900, seed=2).to_frame().write_parquet(home / "t.parquet")
    return prepare(home / "t.parquet", home / "store")


@pytest.mark.parametrize("workers", [1, 2, 7, 64])
@pytest.mark.parametrize("part", ["train", "test"])
def test_blocks_are_those_of_the_table(store: Store, workers: int, part: str) -> None:
    data = store.interactions(part)
    ends = bounds(data.n_users, workers)
    for rank in range(workers):
        found = block_of_store(store, part, workers=workers, rank=rank)
        expected = block_of(data, int(ends[rank]), int(ends[rank + 1]))
        assert found.whole == expected.whole
        assert (found.first, found.first_pair) == (expected.first, expected.first_pair)
        assert np.array_equal(found.indptr, expected.indptr)
        assert np.array_equal(found.item_idx, expected.item_idx)


def test_what_is_no_block(store: Store) -> None:
    with pytest.raises(SettingError, match="setting rank: found 2; expected 0 to 1"):
        block_of_store(store, workers=2, rank=2)
    with pytest.raises(DataError, match="no part 'never'"):
        block_of_store(store, "never")


def test_a_damaged_block_is_refused_by_its_worker(store: Store) -> None:
    items = np.load(store.folder / "train.items.npy")
    items[-1] = 40
    np.save(store.folder / "train.items.npy", items)
    block_of_store(store, workers=2, rank=0)
    with pytest.raises(DataError, match="beyond the 40"):
        block_of_store(store, workers=2, rank=1)
