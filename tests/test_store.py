from __future__ import annotations

import errno
import json

import polars as pl
import pytest
import torch

from fullrank import DataError, Recommender, store

QUICK = {"dim": 8, "batch_size": 64, "epochs": 1}


@pytest.fixture
def folder(small, tmp_path):
    Recommender(**QUICK).fit(small).save(tmp_path / "model")
    return tmp_path / "model"


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_manifest_says_what_the_model_is(folder, small):
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["format"] == 1
    assert manifest["method"] == "directspec+"
    assert manifest["settings"]["dim"] == 8
    assert manifest["data"]["fingerprints"]["train"] == small.train.fingerprint
    assert manifest["versions"]["torch"] == torch.__version__
    assert set(manifest["files"]) == {"tables", "users", "items", "train", "validation", "test"}
    assert {path.suffix for path in folder.iterdir()} == {".json", ".safetensors", ".parquet"}


@pytest.mark.parametrize("part", ["tables", "users", "items", "train", "test"])
@pytest.mark.parametrize("damage", ["missing", "truncated", "changed"])
def test_damage_is_named(folder, part, damage):
    path = folder / json.loads((folder / "manifest.json").read_text())["files"][part]["file"]
    whole = path.read_bytes()
    if damage == "missing":
        path.unlink()
    elif damage == "truncated":
        path.write_bytes(whole[: len(whole) // 2])
    else:
        middle = len(whole) // 2
        path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
    with pytest.raises(DataError, match=path.name) as caught:
        Recommender.load(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda m: "not json", "a damaged manifest"),
        (lambda m: json.dumps(m | {"format": 99}), "format 99"),
        (lambda m: json.dumps({"format": 1}), "a damaged manifest"),
        (lambda m: json.dumps(m).replace('"users-', '"../users-'), "a name in the folder"),
        (lambda m: json.dumps(m | {"files": {}}), "no file for tables"),
    ],
)
def test_a_manifest_that_cannot_be_used(folder, change, words):
    path = folder / "manifest.json"
    path.write_text(change(json.loads(path.read_text())))
    with pytest.raises(DataError, match=words):
        Recommender.load(folder)


def test_no_model_there(tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        Recommender.load(tmp_path / "nothing")
    with pytest.raises(DataError, match=r"no manifest\.json"):
        Recommender.load(tmp_path)


def test_a_new_model_replaces_the_old_one_and_its_files(folder, small):
    other = Recommender(seed=5, **QUICK).fit(small.train)
    other.save(folder)
    loaded = Recommender.load(folder)
    assert torch.equal(loaded.user_embeddings, other.user_embeddings)
    assert loaded.test is None
    assert len(list(folder.iterdir())) == 5  # manifest, tables, users, items, train


@pytest.mark.parametrize("where", ["save_file", "write_parquet", "manifest"])
def test_a_full_disk_leaves_the_old_model(folder, small, monkeypatch, where):
    before = content(folder)
    other = Recommender(seed=5, **QUICK).fit(small.train)

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    if where == "save_file":
        monkeypatch.setattr(store, "save_file", full)
    elif where == "write_parquet":
        monkeypatch.setattr(pl.DataFrame, "write_parquet", full)
    else:
        monkeypatch.setattr(store.json, "dumps", full)
    with pytest.raises(DataError, match="found a full disk"):
        other.save(folder)
    assert content(folder) == before
