"""What a model folder holds, and that it comes back the same."""

from __future__ import annotations

import builtins
import os
import pickle
import sys
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from model_folders import MODELS, content, manifest_of
from safetensors.torch import load_file

from fullrank import Ids, Interactions, Recommender
from fullrank.data import generate, stored_tables, time_split
from fullrank.serving import DotScorer, model_files


def test_the_manifest_says_what_the_model_is(folder, small, model):
    manifest = manifest_of(folder)
    assert manifest["format"] == 2
    assert manifest["method"] == "directspec+"
    assert manifest["settings"] == model.settings.model_dump(mode="json")
    assert manifest["data"] == {
        "name": small.name,
        "split": small.how,
        "users": 200,
        "items": 120,
        "interactions": {name: len(part) for name, part in small.parts.items()},
        "fingerprints": {name: part.fingerprint for name, part in small.parts.items()},
    }
    assert manifest["training"] == model.training
    assert manifest["versions"] == model_files.versions()
    assert manifest["versions"]["torch"] == torch.__version__


def test_the_folder_holds_what_the_manifest_names_and_nothing_else(folder, model):
    named = manifest_of(folder)["files"]
    assert set(named) == {"tables", "users", "items", "train", "validation", "test"}
    names = {entry["file"] for entry in named.values()}
    assert {path.name for path in folder.iterdir()} == {"manifest.json", *names}
    for entry in named.values():
        assert entry["bytes"] == (folder / entry["file"]).stat().st_size
        assert entry["sha256"] == model_files._sha256(folder / entry["file"])
        assert entry["sha256"][:12] in entry["file"]
    tables = load_file(folder / named["tables"]["file"])
    assert torch.equal(tables["users"], model.user_embeddings)
    assert torch.equal(tables["items"], model.item_embeddings)
    rows = stored_tables.read_table(folder / named["test"]["file"], {"item_row": True})
    assert (rows["item_row"].to_numpy() == model.test.item_idx).all()


def test_nothing_is_a_pickle(model, tmp_path, monkeypatch):
    for home, name in [(pickle, n) for n in ("dump", "dumps", "load", "loads", "Pickler")] + [
        (torch, "save"),
        (torch, "load"),
    ]:
        monkeypatch.setattr(home, name, lambda *args, **kwargs: pytest.fail("pickled"))
    model.save(tmp_path / "m")
    Recommender.load(tmp_path / "m")
    for path in (tmp_path / "m").iterdir():
        assert path.suffix in {".json", ".safetensors"}
        assert not zipfile.is_zipfile(path)  # as torch.save and numpy.savez write
        assert path.read_bytes()[:1] != b"\x80", "the protocol byte of a pickle"


def test_saving_the_same_model_again_changes_nothing(folder, model):
    before = content(folder)
    model.save(folder)
    Recommender.load(folder).save(folder)
    assert content(folder) == before


def test_ids_of_numbers_and_letters_outside_ascii(tmp_path):
    users = Ids(pl.Series([3, 5, 2**40]))
    items = Ids(pl.Series(["ä", "007", "日本"]), pl.Series(["Ünder", None, "東京"]))
    data = Interactions(users, items, np.arange(4), np.arange(3, dtype=np.int32))
    made = Recommender()
    made._scorer = DotScorer(torch.eye(3), torch.eye(3))
    made._parts, made.data_name = {"train": data}, "Ölfässer 東京"
    made.save(tmp_path / "m")
    loaded = Recommender.load(tmp_path / "m")
    assert loaded.users.values.equals(users.values)
    assert loaded.users.values.dtype == pl.Int64
    assert loaded.items.values.to_list() == ["ä", "007", "日本"]
    assert loaded.items.titles.to_list() == ["Ünder", None, "東京"]
    assert loaded.data_name == "Ölfässer 東京"


def test_times_are_kept(tmp_path):
    """So that `evaluate` says of a loaded model what `fit` said of how its parts were drawn."""
    split = time_split(generate(60, 40, 900, seed=0, timestamps=True), validation=0.1)
    model = Recommender("popularity").fit(split)
    model.save(tmp_path / "m")
    loaded = Recommender.load(tmp_path / "m")
    for name, part in split.parts.items():
        assert np.array_equal(loaded._parts[name].timestamp, part.timestamp)
    lines = [each.evaluate(k=5).protocol["audit"]["line"] for each in (model, loaded)]
    assert lines[0] == lines[1]
    assert "in time" in lines[0]


@pytest.mark.parametrize("weight", [None, [1.0, 2.0, 3.0]])
def test_how_often_the_data_have_a_pair_is_kept(tmp_path, weight):
    """The protocol published counts repeated test pairs."""
    ids = Ids.numbered(3)
    train = Interactions.from_rows(ids, ids, [0, 1, 2], [0, 1, 2], weight=weight)
    test = Interactions.from_rows(ids, ids, [0, 0, 1], [1, 1, 0], weight=weight)
    made = Recommender()
    made._scorer = DotScorer(torch.eye(3), torch.eye(3))
    made._parts = {"train": train, "test": test}
    made.save(tmp_path / "m")
    loaded = Recommender.load(tmp_path / "m")._parts["test"]
    assert (loaded.rows.tolist(), loaded.merged) == ([2, 1], 1)
    assert loaded.fingerprint == test.fingerprint


@pytest.mark.skipif(sys.platform != "linux", reason="names are UTF-8 on other systems")
def test_a_folder_whose_name_is_not_utf8(model, tmp_path):
    folder = tmp_path / os.fsdecode(b"mod\xffle")
    model.save(folder)
    assert Recommender.load(folder).recommend(None, 5).equals(model.recommend(None, 5))


def test_manifests_are_utf8_whatever_the_locale(folder, model, monkeypatch, tmp_path):
    """As on a machine whose own encoding is another."""
    plain = builtins.open

    def write_text(path, text, encoding="ascii"):
        with plain(path, "w", encoding=encoding) as file:
            file.write(text)

    def read_text(path, encoding="ascii"):
        with plain(path, encoding=encoding) as file:
            return file.read()

    monkeypatch.setattr(Path, "write_text", write_text)
    monkeypatch.setattr(Path, "read_text", read_text)
    named = Recommender.load(folder)
    named.data_name = "Ölfässer"
    named.save(tmp_path / "other")
    assert Recommender.load(tmp_path / "other").data_name == "Ölfässer"


@pytest.mark.posix
def test_another_account_can_serve_a_model(folder):
    """Tables had the mode of a private file whatever the umask was."""
    modes = {path.stat().st_mode & 0o777 for path in folder.iterdir()}
    before = os.umask(0)
    os.umask(before)
    assert modes == {0o666 & ~before}


@pytest.mark.slow
def test_parts_in_another_order_are_the_same_parts(copied, saved):
    folder = copied("directspec+")
    folder.table("train", lambda table: table.reverse())
    loaded = Recommender.load(folder.path)
    assert loaded.train.fingerprint == Recommender.load(saved / "directspec+").train.fingerprint


@pytest.mark.parametrize("method", MODELS)
def test_what_save_wrote_passes(copied, method):
    model = Recommender.load(copied(method).path)
    assert len(model.recommend(k=3)) == 600
    assert "directspec+" not in repr(model) or method == "directspec+"
