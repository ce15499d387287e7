"""A store against the plain reader: the same pairs, whatever way they came."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from slow_hashes import MASK, slow_mixed, slow_of

import fullrank as fr
from fullrank.data.store import Store, prepare, scattering
from fullrank.data.store import preparing as module

KINDS = ["integers", "strings"]


def table(kind: str, rows: int = 4000) -> pl.DataFrame:
    """Rows with repeated pairs, and users with one row."""
    rng = np.random.default_rng(5)
    frame = pl.DataFrame(
        {
            "user_id": (rng.random(rows) ** 2 * 700).astype(np.int64) * 3 - 50,
            "item_id": (rng.random(rows) ** 2 * 200).astype(np.int64),
        }
    )
    return frame if kind == "integers" else frame.select(pl.all().cast(pl.String) + "-id")


def files_of(folder: Path) -> dict[str, bytes]:
    paths = [each for each in folder.rglob("*") if each.is_file() and each.name != "store.json"]
    return {each.relative_to(folder).as_posix(): each.read_bytes() for each in paths}


def pairs_of(store: Store) -> dict[str, set[tuple[object, object]]]:
    return {part: set(store.interactions(part).to_frame().iter_rows()) for part in store.parts}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_pairs_of_the_plain_reader(kind, tmp_path):
    table(kind).write_parquet(tmp_path / "t.parquet")
    plain = fr.read(tmp_path / "t.parquet")
    store = prepare(tmp_path / "t.parquet", tmp_path / "store")
    assert (store.users, store.items) == (plain.n_users, plain.n_items)
    assert store.manifest["rows"] - store.manifest["pairs"] == plain.merged > 0
    parts = [store.interactions(part) for part in ("train", "validation", "test")]
    whole = pl.concat([each.to_frame() for each in parts]).sort("user_id", "item_id")
    assert whole.equals(plain.to_frame().sort("user_id", "item_id"))
    for side, degree in (("users", "user_degree"), ("items", "item_degree")):
        found = sum(getattr(part, degree) for part in parts)
        rows = getattr(plain, side).rows(getattr(parts[0], side).values)
        assert np.array_equal(found, getattr(plain, degree)[rows])
    assert parts[0].user_degree.min() == 1


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_neither_partitions_nor_order_nor_files_enter_a_store(kind, tmp_path, monkeypatch):
    frame = table(kind)
    frame.write_parquet(tmp_path / "t.parquet")
    expected = files_of(prepare(tmp_path / "t.parquet", tmp_path / "one", partitions=1).folder)
    shuffled = frame.sample(fraction=1.0, shuffle=True, seed=1)
    for number, start in enumerate(range(0, len(frame), 1500)):
        home = tmp_path / "many" / f"day={number}"
        home.mkdir(parents=True)
        shuffled[start : start + 1500].write_parquet(home / "part.parquet")
    monkeypatch.setattr(module, "PIECE", 900)
    monkeypatch.setattr(scattering, "FLUSH", 1000)
    for partitions in (2, 7, 64):
        store = prepare(tmp_path / "many", tmp_path / str(partitions), partitions=partitions)
        assert files_of(store.folder) == expected
    with ThreadPoolExecutor(2) as pool:
        store = prepare(tmp_path / "many", tmp_path / "pool", readers=9, each=pool.map)
    assert files_of(store.folder) == expected


@pytest.mark.slow
def test_text_is_read_too(tmp_path):
    frame = table("strings")
    frame.write_parquet(tmp_path / "t.parquet")
    frame.write_csv(tmp_path / "t.csv")
    one = prepare(tmp_path / "t.parquet", tmp_path / "one")
    other = prepare(tmp_path / "t.csv", tmp_path / "other")
    assert one.manifest["parts"] == other.manifest["parts"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_division_against_slow_python(kind, tmp_path):
    table(kind, 800).write_parquet(tmp_path / "t.parquet")
    shares = {"test": 0.4, "validation": 0.5, "seed": 7}
    found = pairs_of(prepare(tmp_path / "t.parquet", tmp_path / "s", **shares))
    key = (7 * 0xBF58476D1CE4E5B9 + 0x94D049BB133111EB) & MASK
    expected: dict[str, set[tuple[object, object]]] = {name: set() for name in found}
    owned: dict[object, list[tuple[int, object]]] = {}
    for user, item in set(table(kind, 800).iter_rows()):
        chance = slow_mixed((slow_mixed(slow_of(user) ^ key) + slow_of(item)) & MASK)
        owned.setdefault(user, []).append((chance, item))
    for user, pairs in owned.items():
        in_train = [item for chance, item in pairs if chance >= 0.7 * 2**64] or [max(pairs)[1]]
        for chance, item in pairs:
            held = "test" if chance < 0.4 * 2**64 else "validation"
            expected["train" if item in in_train else held].add((user, item))
    assert found == expected


def test_row_numbers_are_ranks_of_hashes(tmp_path):
    table("strings").write_parquet(tmp_path / "t.parquet")
    store = prepare(tmp_path / "t.parquet", tmp_path / "s")
    for ids in (store.user_ids, store.item_ids):
        hashes = [slow_of(each) for each in ids.values]
        assert hashes == sorted(hashes)


@pytest.mark.slow
def test_shares(tmp_path):
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({each: rng.integers(0, 2000, 200_000) for each in ("user_id", "item_id")})
    frame.write_parquet(tmp_path / "t.parquet")
    store = prepare(tmp_path / "t.parquet", tmp_path / "s", test=0.2, validation=0.1)
    n = store.manifest["pairs"]
    for part, share in {"test": 0.2, "validation": 0.08, "train": 0.72}.items():
        assert abs(store.pairs(part) - share * n) < 5 * np.sqrt(share * (1 - share) * n), part
    alone = prepare(tmp_path / "t.parquet", tmp_path / "alone", test=0, validation=0)
    assert alone.parts == ("train",)
    assert alone.pairs("train") == n


@pytest.mark.slow
def test_two_strings_with_one_hash_take_another_salt(tmp_path, monkeypatch):
    frame = table("strings")
    frame.write_parquet(tmp_path / "t.parquet")
    of_ids, salts = scattering.of_ids, set()

    def colliding(ids: pl.Series, salt: int = 0) -> np.ndarray:
        salts.add(salt)
        return of_ids(ids, salt) & np.uint64(~0 << 56 & MASK if salt < 2 else MASK)

    monkeypatch.setattr(scattering, "of_ids", colliding)
    store = prepare(tmp_path / "t.parquet", tmp_path / "s")
    assert salts == {0, 1, 2}
    assert store.users == frame["user_id"].n_unique()
    monkeypatch.setattr(module, "SALTS", 2)
    with pytest.raises(fr.DataError, match="two ids with one hash"):
        prepare(tmp_path / "t.parquet", tmp_path / "none")
    assert not (tmp_path / "none").exists()
