"""One model takes the place of another: whole, or not at all."""

from __future__ import annotations

import errno
from contextlib import suppress
from pathlib import Path

import polars as pl
import pytest
import torch
from model_folders import content, manifest_of

from fullrank import DataError, Recommender
from fullrank.data import files
from fullrank.serving import model_files


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


def test_a_save_that_panics_leaves_the_model_that_was_there(copied, monkeypatch):
    folder = copied("ease")
    model, before = Recommender.load(folder.path), sorted(folder.path.iterdir())

    def panicking(*args, **options):
        raise pl.exceptions.PanicException("index out of bounds\nnote: a backtrace")

    with monkeypatch.context() as patch:
        patch.setattr(model_files, "write_table", panicking)
        with pytest.raises(DataError, match="found index out of bounds; expected a location"):
            model.save(folder.path)
    assert sorted(folder.path.iterdir()) == before
    Recommender.load(folder.path)
