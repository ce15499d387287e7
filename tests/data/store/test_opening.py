"""A store that is read: as a split, as interactions over its files, and damaged."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

import fullrank as fr
from fullrank.data.store import Store, prepare
from fullrank.data.synthetic import generate


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    home = tmp_path_factory.mktemp("store")
    generate(300, 80, 4000, seed=2).to_frame().write_parquet(home / "t.parquet")
    return prepare(home / "t.parquet", home / "store")


@pytest.fixture
def copy(made, tmp_path):
    """One that may be damaged."""
    import shutil

    shutil.copytree(made.folder, tmp_path / "store")
    return tmp_path / "store"


def base_of(array: np.ndarray) -> object:
    while isinstance(array, np.ndarray) and array.base is not None:
        array = array.base
    return array


@pytest.mark.slow
def test_pairs_are_mapped_and_ids_read_when_asked_for(made):
    store = Store.open(made.folder)
    indptr, items = store.arrays("train")
    assert type(base_of(items)).__name__ == type(base_of(indptr)).__name__ == "mmap"
    assert "user_ids" not in vars(store)
    data = store.interactions()
    assert type(base_of(data.item_idx)).__name__ == "mmap"
    with pytest.raises(ValueError, match="read-only"):
        data.item_idx[0] = 1


def test_fingerprints_are_those_of_tables_in_memory(made):
    for part in made.parts:
        data = made.interactions(part)
        plain = fr.Interactions(
            fr.Ids(data.users.values), fr.Ids(data.items.values), data.indptr, data.item_idx
        )
        assert data.fingerprint == plain.fingerprint
        assert data.users.digest == plain.users.digest


def test_a_sample_of_users(made):
    whole, some = made.interactions("test"), made.interactions("test", users=40)
    kept = np.flatnonzero(some.user_degree)
    assert len(kept) == 40
    assert np.array_equal(kept, np.flatnonzero(whole.user_degree)[:40])
    assert np.array_equal(some.user_degree[kept], whole.user_degree[kept])
    assert np.array_equal(some.item_idx, whole.item_idx[: len(some)])
    assert some.fingerprint != whole.fingerprint
    assert len(made.interactions("test", users=10**6)) == len(whole)


def test_as_a_split(made):
    split = fr.load(made.folder)
    assert [len(part) for part in split.parts.values()] == [made.pairs(p) for p in made.parts]
    assert split.how == {
        "kind": "hash", "test": 0.2, "validation": 0.1, "seed": 0, "repeated_pairs_merged": 0,
    }  # fmt: skip
    assert made.split(evaluated=10).how["evaluated_users"] == 10
    joined = fr.load(made.folder, validation=0)
    assert joined.validation is None
    assert len(joined.train) == made.pairs("train") + made.pairs("validation")
    with pytest.raises(fr.SettingError, match="split already"):
        fr.load(made.folder, test=0.5)
    with pytest.raises(fr.SettingError, match="drawn already"):
        fr.load(made.folder, validation_like="test")


def test_without_a_validation_part_one_is_drawn(made, tmp_path):
    source = made.folder.parent / "t.parquet"
    split = prepare(source, tmp_path / "s", validation=0).split(validation=0.25)
    assert split.validation is not None
    whole = len(split.train) + len(split.validation)
    assert len(split.validation) == pytest.approx(0.25 * whole, rel=0.1)


def test_a_fit_on_a_store_has_the_bits_of_one_in_memory(made):
    data = made.interactions()
    plain = fr.Interactions(data.users, data.items, data.indptr.copy(), data.item_idx.copy())
    models = [fr.Recommender("bpr", epochs=1, dim=8, threads=1).fit(each) for each in (data, plain)]
    lists = [model.recommend(data.users.values[:20], k=5) for model in models]
    assert lists[0].equals(lists[1])


def damage(folder, name, at, value):
    array = np.load(folder / name)
    array[at] = value
    np.save(folder / name, array)


@pytest.mark.parametrize(
    ("name", "at", "value", "match"),
    [
        ("train.items.npy", 5, 80, "beyond the 80"),
        ("train.items.npy", 5, -1, "beyond the 80"),
        ("train.items.npy", slice(0, 2), [7, 7], "do not rise"),
        ("train.indptr.npy", 3, 2**40, "starts of users"),
        ("train.indptr.npy", 0, -1, "starts of users"),
        ("train.indptr.npy", -1, 4, "starts of users"),
    ],
)
def test_damaged_arrays_are_refused(copy, name, at, value, match):
    damage(copy, name, at, value)
    with pytest.raises(fr.DataError, match=match):
        Store.open(copy).interactions()


def test_other_damage(copy):
    def refused(match, work=lambda: fr.load(copy)):
        with pytest.raises(fr.DataError, match=match) as error:
            work()
        assert "\n" not in str(error.value)

    good = (copy / "train.items.npy").read_bytes()
    (copy / "train.items.npy").write_bytes(good[:-4])
    refused("no array")
    np.save(copy / "train.items.npy", np.load(copy / "test.items.npy"))
    refused("shape")
    (copy / "train.items.npy").write_bytes(good)
    users = next((copy / "users").iterdir())
    kept = pl.read_parquet(users)
    kept[1:].write_parquet(users)
    refused(f"{len(kept) - 1} ids")
    pl.concat([kept[:1], kept[:-1]]).write_parquet(users)
    refused("distinct ids")
    users.write_bytes(b"PAR1PAR1")
    refused("damaged Parquet")
    manifest = json.loads((copy / "store.json").read_text())
    (copy / "store.json").write_text(json.dumps(manifest | {"users": "many"}))
    refused("no sizes")
    (copy / "store.json").write_text(json.dumps(manifest | {"format": 9}))
    refused("format 9")
    (copy / "store.json").unlink()
    refused("no store, or one that was not finished")
