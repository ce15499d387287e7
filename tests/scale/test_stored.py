"""Blocks of a store are those of the table in memory, for any number of workers."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest

from fullrank.data.store import Store, prepare
from fullrank.data.synthetic import generate
from fullrank.errors import DataError, SettingError
from fullrank.methods import build_method
from fullrank.methods.fitting import identity_of
from fullrank.scale.blocks import bounds
from fullrank.scale.sources import InMemory
from fullrank.scale.stored import Stored, check_fraction, split_of


def prepared(home: Path, seed: int = 2, **how: float) -> Store:
    generate(90, 40, 900, seed=seed).to_frame().write_parquet(home / "t.parquet")
    return prepare(home / "t.parquet", home / "store", **how)


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Store:
    return prepared(tmp_path_factory.mktemp("store"), test=0.2, validation=0.1)


@pytest.fixture
def own(store: Store, tmp_path: Path) -> Store:
    """A copy, to damage."""
    return Store.open(shutil.copytree(store.folder, tmp_path / "store"))


@pytest.mark.parametrize("workers", [1, 2, 7, 64])
@pytest.mark.parametrize("evaluated", [5, 10_000])
def test_blocks_are_those_of_the_table(store: Store, workers: int, evaluated: int) -> None:
    source = Stored.of(store, evaluated=evaluated)
    table = InMemory.of(store.split(evaluated=evaluated).parts)
    assert (source.sizes, source.parts) == (table.sizes, table.parts)
    ends = bounds(store.users, workers)
    for part in source.parts:
        for rank in range(workers):
            first, last = int(ends[rank]), int(ends[rank + 1])
            found, expected = source.block(part, first, last), table.block(part, first, last)
            assert found.whole == expected.whole
            assert (found.first, found.first_pair) == (expected.first, expected.first_pair)
            assert np.array_equal(found.indptr, expected.indptr)
            assert np.array_equal(found.item_idx, expected.item_idx)


@pytest.mark.slow
def test_a_part_without_pairs_is_none(tmp_path: Path) -> None:
    generate(5, 40, 20, seed=2).to_frame().write_parquet(tmp_path / "t.parquet")
    store = prepare(tmp_path / "t.parquet", tmp_path / "store", validation=1e-9)
    assert store.parts == ("train", "validation", "test")
    assert Stored.of(store).parts == ("train", "test")


def test_pairs_stay_in_the_file(store: Store) -> None:
    item_idx = Stored.of(store).block("train", 10, 20).item_idx
    assert isinstance(item_idx.base.base, np.memmap)


def test_it_travels_without_the_pairs(store: Store) -> None:
    source = Stored.of(store)
    packed = pickle.dumps(source)
    assert len(packed) < 2048  # the store has 900 pairs, and more of them would be no more bytes
    assert pickle.loads(packed) == source


def test_the_split_is_that_of_the_store_without_a_look_at_it(store: Store, monkeypatch) -> None:
    expected = store.split()
    monkeypatch.setattr("fullrank.data.store.opening.check_pairs", None)  # nobody calls it
    found = split_of(store)
    assert (found.how, found.name) == (expected.how, expected.name)
    assert found.fingerprint == expected.fingerprint


@pytest.mark.slow
def test_a_checkpoint_is_of_the_store(store: Store, tmp_path: Path) -> None:
    method = build_method("bpr", {})
    found = identity_of(method, split_of(store).parts, None)
    assert found == identity_of(method, store.split().parts, None)
    assert found["train"] == store.manifest["parts"]["train"]["fingerprint"]
    other = prepared(tmp_path, seed=3, test=0.2, validation=0.1)
    assert identity_of(method, split_of(other).parts, None) != found


def test_a_machine_without_the_folder_is_named(own: Store) -> None:
    source = Stored.of(own)
    shutil.rmtree(own.folder)
    expected = r"the machine of a worker: found no such folder; expected the store, under a path"
    with pytest.raises(DataError, match=expected):
        source.block("train", 0, 10)


def test_another_store_in_its_place_is_refused(own: Store, tmp_path: Path) -> None:
    source = Stored.of(own)
    shutil.rmtree(own.folder)
    prepared(tmp_path, seed=3, test=0.2, validation=0.1)
    with pytest.raises(DataError, match="found another store than that of the fit"):
        source.block("train", 0, 10)


def test_what_is_no_part(store: Store) -> None:
    with pytest.raises(DataError, match="no part 'never'; expected one of train, validation, test"):
        Stored.of(store).block("never", 0, 10)


def test_a_file_that_was_cut_short_is_one_line(own: Store) -> None:
    source, path = Stored.of(own), own.folder / "train.items.npy"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"train\.items\.npy: found no array"):
        source.block("train", 0, 10)


def test_a_damaged_block_is_refused_by_its_worker(own: Store) -> None:
    source, items = Stored.of(own), np.load(own.folder / "train.items.npy")
    items[-1] = 40
    np.save(own.folder / "train.items.npy", items)
    source.block("train", 0, 45)
    with pytest.raises(DataError, match="beyond the 40"):
        source.block("train", 45, 90)


@pytest.mark.slow
def test_a_validation_part_is_the_one_of_the_store_or_none(store: Store, tmp_path: Path) -> None:
    check_fraction(store, 0.3, 2)
    with pytest.raises(SettingError, match=r"--validation: found 0, to learn from the validation"):
        check_fraction(store, 0.0, 2)
    without = prepared(tmp_path, test=0.2, validation=0)
    check_fraction(without, 0.0, 2)
    with pytest.raises(SettingError, match=r"found 0\.1 to draw from .*, which has none"):
        check_fraction(without, 0.1, 2)


def test_rows_to_the_last_of_some_users(store: Store) -> None:
    degree = store.interactions("test").user_degree
    for users in (0, 1, 7, 89, 90, 1000):
        last = store.last_of("test", users)
        assert (degree[:last] > 0).sum() == min(users, (degree > 0).sum())
        assert last == 90 or not users or degree[last - 1] > 0
