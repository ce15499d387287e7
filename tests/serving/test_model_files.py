from __future__ import annotations

import builtins
import errno
import json
import os
import pickle
import sys
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.torch import load_file

from fullrank import DataError, Ids, Interactions, Recommender
from fullrank.data import files, generate, stored_tables, time_split
from fullrank.data.files import replacing, write_error
from fullrank.serving import DotScorer, model_files

QUICK = {"dim": 8, "batch_size": 64, "epochs": 1}


@pytest.fixture(scope="module")
def model(small):
    return Recommender(**QUICK).fit(small)


@pytest.fixture(scope="module")
def other(small):
    return Recommender(seed=5, **QUICK).fit(small.train)


@pytest.fixture
def folder(model, tmp_path):
    model.save(tmp_path / "model")
    return tmp_path / "model"


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def manifest_of(folder):
    return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))


def rewrite(folder, **changes):
    (folder / "manifest.json").write_text(json.dumps(manifest_of(folder) | changes))


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


def test_how_often_the_data_have_a_pair_is_kept(tmp_path):
    """The protocol published counts repeated test pairs."""
    ids = Ids.numbered(3)
    train = Interactions.from_rows(ids, ids, [0, 1, 2], [0, 1, 2])
    test = Interactions.from_rows(ids, ids, [0, 0, 1], [1, 1, 0])
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


@pytest.mark.parametrize("part", ["tables", "users", "items", "train", "validation", "test"])
@pytest.mark.parametrize("damage", ["missing", "a folder", "empty", "truncated", "longer", "bit"])
def test_damage_is_named(folder, part, damage):
    path = folder / manifest_of(folder)["files"][part]["file"]
    whole = path.read_bytes()
    middle = len(whole) // 2
    flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    path.unlink()
    if damage == "a folder":
        path.mkdir()
    elif damage != "missing":
        path.write_bytes(
            {"empty": b"", "truncated": whole[:middle], "longer": whole + b"\0", "bit": flipped}[
                damage
            ]
        )
    with pytest.raises(DataError, match=path.name) as caught:
        Recommender.load(folder)
    assert "\n" not in str(caught.value)


def with_file(manifest, part, **changes):
    return manifest["files"] | {part: manifest["files"][part] | changes}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda m: "not json", "a damaged manifest"),
        (lambda m: "", "a damaged manifest"),
        (lambda m: json.dumps(m)[:-30], "a damaged manifest"),
        (lambda m: "[]", "a damaged manifest"),
        (lambda m: json.dumps(m | {"format": 99}), "format 99; expected format 2 or an update"),
        (
            lambda m: json.dumps(m | {"format": 1}),
            "format 1; expected format 2 or the model fitted",
        ),
        (lambda m: json.dumps({"format": 2}), "a damaged manifest"),
        (lambda m: json.dumps(m | {"files": {}}), "no file for tables"),
        (lambda m: json.dumps(m | {"files": [1]}), "a damaged manifest"),
        (lambda m: json.dumps(m | {"files": {"tables": {"file": "x"}}}), "a damaged manifest"),
        *[
            (lambda m, key=key: json.dumps({k: v for k, v in m.items() if k != key}), "a damaged")
            for key in ("format", "method", "settings", "data", "training", "metrics", "files")
        ],
        *[
            (
                lambda m, name=name: json.dumps(m | {"files": with_file(m, "users", file=name)}),
                "the path .*; expected the name of a file of the model",
            )
            for name in ("../users.parquet", "/etc/passwd", "a/b", "..", ".", "", "manifest.json")
        ],
        (lambda m: json.dumps(m | {"files": with_file(m, "users", file=3)}), "a damaged manifest"),
        (lambda m: json.dumps(m | {"settings": [1]}), "a damaged manifest"),
        (lambda m: json.dumps(m | {"settings": {"tau": -1}}), "setting tau: found -1"),
    ],
)
def test_a_manifest_that_cannot_be_used(folder, change, words):
    path = folder / "manifest.json"
    path.write_text(change(manifest_of(folder)))
    with pytest.raises(DataError, match=words) as caught:
        Recommender.load(folder)
    assert "manifest.json" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_text(folder):
    (folder / "manifest.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"manifest\.json: found a damaged manifest"):
        Recommender.load(folder)


def test_files_with_the_right_hash_and_the_wrong_content(folder):
    bad = folder / "bad.safetensors"
    bad.write_bytes(b"no tables")
    entry = {"file": bad.name, "sha256": model_files._sha256(bad), "bytes": 9}
    for part in ("tables", "users", "train"):
        rewrite(folder, files=manifest_of(folder)["files"] | {part: entry})
        with pytest.raises(DataError, match="expected the file that `save` wrote") as caught:
            Recommender.load(folder)
        assert "\n" not in str(caught.value)


def test_no_model_there(tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        Recommender.load(tmp_path / "nothing")
    with pytest.raises(DataError, match=r"no manifest\.json"):
        Recommender.load(tmp_path)


def test_a_new_model_replaces_the_old_one_and_its_files(folder, other):
    other.save(folder)
    loaded = Recommender.load(folder)
    assert torch.equal(loaded.user_embeddings, other.user_embeddings)
    assert loaded.test is None
    assert len(list(folder.iterdir())) == 5  # manifest, tables, users, items, train


def test_files_of_others_are_left_alone(folder, other):
    (folder / "notes.txt").write_text("mine")
    other.save(folder)
    assert (folder / "notes.txt").read_text() == "mine"


def test_old_files_go_after_the_manifest_has_changed(folder, other, monkeypatch):
    old = {entry["file"] for entry in manifest_of(folder)["files"].values()}
    gone, unlink = [], Path.unlink

    def watched(path, missing_ok=False):
        if path.name in old:
            named = {entry["file"] for entry in manifest_of(folder)["files"].values()}
            assert path.name not in named
            gone.append(path.name)
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", watched)
    other.save(folder)
    now = {entry["file"] for entry in manifest_of(folder)["files"].values()}
    assert set(gone) == old - now
    assert gone


def failing(monkeypatch, where, error):
    """Lets the given step of `save` write a little and then fail."""

    def fail(*args, **kwargs):
        target = next((each for each in args if isinstance(each, Path)), None)
        if target is not None:
            target.write_bytes(b"half")
        raise error

    home, name, does = {
        "tables": (model_files, "save_file", fail),
        "ids": (model_files, "write_table", fail),
        "interactions": (model_files, "write_pairs", fail),
        "manifest": (model_files.json, "dumps", fail),
        "disk": (files.os, "fsync", fail),
    }[where]
    monkeypatch.setattr(home, name, does)


@pytest.mark.parametrize("where", ["tables", "ids", "interactions", "manifest", "disk"])
@pytest.mark.parametrize(
    ("error", "caught", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), DataError, "found a full disk"),
        (OSError(errno.EACCES, "Permission denied"), DataError, "found permission denied"),
        (KeyboardInterrupt("stop"), KeyboardInterrupt, "stop"),
        (RuntimeError("a bug"), RuntimeError, "a bug"),
    ],
    ids=["full", "denied", "Ctrl-C", "bug"],
)
def test_a_failure_in_the_middle_leaves_the_old_model(
    folder, model, other, monkeypatch, where, error, caught, words
):
    before = content(folder)
    with monkeypatch.context() as patch:
        failing(patch, where, error)
        with pytest.raises(caught, match=words):
            other.save(folder)
    assert content(folder) == before
    assert torch.equal(Recommender.load(folder).user_embeddings, model.user_embeddings)
    other.save(folder)
    assert torch.equal(Recommender.load(folder).user_embeddings, other.user_embeddings)


def test_a_failure_of_the_first_save_leaves_no_files(tmp_path, model, monkeypatch):
    failing(monkeypatch, "interactions", OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(DataError, match="found a full disk"):
        model.save(tmp_path / "new" / "model")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_file_in_the_place_of_the_folder(tmp_path, model):
    (tmp_path / "m").write_text("mine")
    with pytest.raises(DataError, match="found file exists"):
        model.save(tmp_path / "m")
    assert (tmp_path / "m").read_text() == "mine"
    with pytest.raises(DataError, match="m: found no such folder"):
        Recommender.load(tmp_path / "m")


def test_replacing(tmp_path):
    target = tmp_path / "new" / "x"
    with replacing(target) as part:
        part.write_text("one")
        assert not target.exists()
    with pytest.raises(UnicodeEncodeError), replacing(target) as part:
        part.write_text("half of tw\udc80", encoding="utf-8")
    assert target.read_text() == "one"
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "x"), "found a full disk"),
        (OSError(errno.EDQUOT, "x"), "found a full disk"),
        (Exception("IoError: No space left on device (os error 28)"), "found a full disk"),
        (OSError(errno.EROFS, "Read-only file system"), "found read-only file system"),
        (OSError("odd"), "found odd"),
    ],
)
def test_what_is_said_of_a_failed_write(error, words):
    assert words in str(write_error(error, Path("x")))


def test_bugs_are_not_blamed_on_the_machine():
    assert write_error(ValueError("os error 2"), Path("x")) is None


def test_a_model_that_is_replaced_while_it_is_read_is_read_again(folder, model, other, monkeypatch):
    real, reads = model_files._checked, []

    def checked(place, entry):
        reads.append(entry["file"])
        if len(reads) == 2:
            other.save(folder)
        return real(place, entry)

    monkeypatch.setattr(model_files, "_checked", checked)
    assert torch.equal(Recommender.load(folder).user_embeddings, other.user_embeddings)
    assert len(reads) > 5


def test_damage_is_not_read_again(folder, monkeypatch):
    (folder / manifest_of(folder)["files"]["users"]["file"]).unlink()
    seen, real = [], model_files._read
    monkeypatch.setattr(model_files, "_read", lambda place: [seen.append(1), real(place)][1])
    with pytest.raises(DataError, match="no such file"):
        Recommender.load(folder)
    assert seen == [1]


def test_a_save_removes_what_a_killed_save_left(folder, other):
    left = ["tables-0123456789ab.safetensors", "train-0123456789ab.parquet"]  # of format 1
    kept = ["tables.safetensors", "train-of-thought.parquet", "notes-0123456789ab.parquet"]
    for name in left + kept:
        (folder / name).write_text("x")
    assert [model_files.is_of_a_model(name) for name in left + kept] == [True] * 2 + [False] * 3
    other.save(folder)
    names = {path.name for path in folder.iterdir()}
    assert names.isdisjoint(left)
    assert names.issuperset(kept)


@pytest.mark.posix
def test_another_account_can_serve_a_model(folder):
    """Tables had the mode of a private file whatever the umask was."""
    modes = {path.stat().st_mode & 0o777 for path in folder.iterdir()}
    before = os.umask(0)
    os.umask(before)
    assert modes == {0o666 & ~before}


def test_a_failed_save_keeps_the_files_of_a_model_whose_manifest_is_damaged(
    model, tmp_path, monkeypatch
):
    """The same model again has the same file names: they were there before and stay."""
    model.save(tmp_path)
    kept = {path.name for path in tmp_path.iterdir()}
    (tmp_path / "manifest.json").write_text("{")
    monkeypatch.setattr(model_files.json, "dumps", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        model.save(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == kept


@pytest.mark.parametrize("struck", range(8))
def test_a_signal_in_a_save_leaves_one_whole_model(model, small, tmp_path, monkeypatch, struck):
    """After each file is in its place, the manifest too: then the new model is the model."""
    other = Recommender("popularity").fit(small)
    other.save(tmp_path / "other")
    model.save(tmp_path / "m")
    model.save(tmp_path / "whole")
    sync, calls = files.synced, iter(range(100))

    def strike(folder):
        sync(folder)
        if folder == tmp_path / "m" and next(calls) == struck:
            raise KeyboardInterrupt

    monkeypatch.setattr(files, "synced", strike)
    with suppress(KeyboardInterrupt):
        other.save(tmp_path / "m")
    monkeypatch.undo()
    there = Recommender.load(tmp_path / "m")
    assert there.method in ("directspec+", "popularity")
    twin = "whole" if there.method == "directspec+" else "other"
    names = ({path.name for path in (tmp_path / each).iterdir()} for each in ("m", twin))
    assert next(names) == next(names)
    if struck >= 6:  # the tables, ids of two sides and three parts were written before
        assert there.method == "popularity"
