"""Each target written and read back: the model's lists, ids of both types, whole or not at all."""

from __future__ import annotations

import itertools
import json
import sys

import numpy as np
import onnxruntime
import polars as pl
import pytest
from safetensors.numpy import load_file

from fullrank.errors import DataError, SettingError
from fullrank.exporting import ExportSettings, export, verify
from fullrank.exporting import folder as folders
from fullrank.exporting.geometry import nearest
from fullrank.exporting.onnx_graph import OnnxLists
from fullrank.exporting.vectors import vectors_of
from fullrank.exporting.widths import with_width

EXACT = ("npz", "safetensors", "parquet", "onnx")
GRAPHS = ("faiss", "usearch", "hnswlib")
WIDE = ExportSettings(neighbours=32, build_width=400, search_width=400)
"""Wider than there are items, so that the search is of all."""


@pytest.mark.parametrize("target", EXACT)
def test_exact_targets_have_the_models_lists(model, target, tmp_path):
    said = export(model, target, tmp_path / "out")
    checked = verify(model, tmp_path / "out", k=10)
    assert (checked.recall, checked.same, checked.users) == (1, 1, len(model.users))
    assert json.loads((tmp_path / "out" / "export.json").read_text()) == json.loads(
        json.dumps(said.__dict__)
    )


@pytest.mark.parametrize("metric", ["ip", "cosine", "l2"])
@pytest.mark.parametrize("target", GRAPHS)
def test_indexes_have_the_models_lists(model, target, metric, tmp_path):
    export(model, target, tmp_path / "out", settings=WIDE.replace(metric=metric))
    checked = verify(model, tmp_path / "out", k=10)
    assert checked.recall == 1
    assert checked.same > 0.98  # scores within a rounding of each other change places


@pytest.mark.parametrize("metric", ["ip", "cosine", "l2"])
def test_lists_around_centres(texts, metric, tmp_path, capfd):
    every = ExportSettings(kind="ivf", search_width=10_000, metric=metric)
    export(texts, "faiss", tmp_path / "out", settings=every)
    assert verify(texts, tmp_path / "out", k=10).recall == 1
    export(texts, "faiss", tmp_path / "out", settings=every.replace(search_width=1))
    assert verify(texts, tmp_path / "out", k=10).recall < 0.9
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("target", GRAPHS)
def test_the_width_that_was_measured_is_stored(texts, target, tmp_path):
    said = export(texts, target, tmp_path / "out")
    assert said.settings["search_width"] == 100  # the least that is tried: there are 120 items
    narrow = ExportSettings(search_width=77)
    assert export(texts, target, tmp_path / "out", settings=narrow).settings["search_width"] == 77


@pytest.mark.parametrize(("wrong", "width", "note"), [(1, 400, None), (9, 800, "0.550")])
def test_the_least_width_that_is_enough(texts, wrong, width, note):
    """Searches that miss ``wrong`` of 20 items below a width of 400, the larger one above too."""
    vectors = vectors_of(texts)

    def at_width(asked: int):
        def search(users, k):
            found = nearest(users, vectors.vectors, k, "ip")
            if asked < 400 or wrong > 1:
                found[:, :wrong] = -1
            return found

        return search

    chosen, notes = with_width(vectors, ExportSettings(), at_width)
    assert chosen.search_width == width
    assert notes == () if note is None else note in notes[0]


@pytest.mark.parametrize("target", ["npz", "faiss"])
def test_verify_sees_vectors_of_another_model(texts, target, tmp_path):
    other = type(texts)("bpr", epochs=1, dim=8, seed=5).fit(texts.train)
    export(other, target, tmp_path / "out")
    assert verify(texts, tmp_path / "out", k=10).recall < 0.9


def test_verify_refuses_the_ids_of_another_model(texts, numbers, tmp_path):
    export(numbers, "npz", tmp_path / "out")
    with pytest.raises(DataError, match="ids that the model does not have"):
        verify(texts, tmp_path / "out")


def test_npz(model, tmp_path):
    export(model, "npz", tmp_path / "out")
    with np.load(tmp_path / "out" / "vectors.npz", allow_pickle=False) as file:
        assert file["user_ids"].tolist() == model.users.values.to_list()
        assert file["item_ids"].tolist() == model.items.values.to_list()
        np.testing.assert_array_equal(file["users"], model.user_embeddings)
        np.testing.assert_array_equal(file["items"], model.item_embeddings)


def test_safetensors(model, tmp_path):
    export(model, "safetensors", tmp_path / "out")
    tables = load_file(tmp_path / "out" / "vectors.safetensors")
    np.testing.assert_array_equal(tables["items"], model.item_embeddings)
    if model.items.values.dtype != pl.String:
        assert tables["item_ids"].tolist() == model.items.values.to_list()
        return
    text, ends = tables["item_ids.bytes"].tobytes(), tables["item_ids.ends"].tolist()
    ids = [text[a:b].decode() for a, b in itertools.pairwise(ends)]
    assert ids == model.items.values.to_list()


def test_parquet_has_what_is_known_of_the_items(texts, tmp_path):
    export(texts, "parquet", tmp_path / "out")
    items = pl.read_parquet(tmp_path / "out" / "items.parquet")
    assert items.drop("vector").equals(texts.items_table)
    assert items["vector"].dtype == pl.Array(pl.Float32, 8)
    users = pl.read_parquet(tmp_path / "out" / "users.parquet")
    assert users.schema["user_id"] == pl.String
    np.testing.assert_array_equal(users["vector"].to_numpy(), texts.user_embeddings)


def test_ids_keep_their_type(numbers, tmp_path):
    export(numbers, "usearch", tmp_path / "out")
    items = pl.read_parquet(tmp_path / "out" / "items.parquet")
    assert items["item_id"].equals(numbers.items.values.rename("item_id"))
    assert items.columns == ["item_id"]


def test_onnx_serves_unknown_users_the_popular_list(model, tmp_path):
    export(model, "onnx", tmp_path / "out", settings=ExportSettings(k=7))
    unknown = "nobody" if model.users.values.dtype == pl.String else 5
    known = model.users.values[3]
    asked = pl.Series([unknown, known], dtype=model.users.values.dtype)
    found = OnnxLists(tmp_path / "out").item_ids(asked)
    lists = model.recommend([unknown, known], 7, strict=False, exclude_seen=False)
    assert found.ravel().tolist() == lists["item_id"].to_list()


def test_onnx_folds_histories_in(model, tmp_path):
    export(model, "onnx", tmp_path / "out", settings=ExportSettings(k=8))
    ids, dtype = model.items.values.to_list(), model.items.values.dtype
    pad = "" if dtype == pl.String else 10**9
    histories = [[ids[at], ids[at + 5], ids[(7 * at) % 120]][: 1 + at % 3] for at in range(60)]
    filled = [each + each[:1] + [pad] * (4 - len(each)) for each in histories]  # one comes twice
    session = onnxruntime.InferenceSession(tmp_path / "out" / "history.onnx")
    asked = np.array(filled, dtype=object if dtype == pl.String else np.int64)
    found, scores = session.run(["item_id", "score"], {"history": asked})
    folded = model.fold_in(dict(enumerate(histories)))
    lists = folded.recommend(k=8)
    wanted = lists["item_id"].to_numpy().reshape(-1, 8)
    np.testing.assert_allclose(scores.ravel(), lists["score"], rtol=1e-4, atol=1e-6)
    assert (found == wanted).mean() > 0.99  # scores within a rounding of each other change places
    (popular,) = session.run(["item_id"], {"history": asked[:1, -1:]})
    assert popular[0].tolist() == _popular(model, 8)


def _popular(model, k: int) -> list[object]:
    unknown = "nobody" if model.users.values.dtype == pl.String else 5
    return model.recommend([unknown], k, strict=False)["item_id"].to_list()


def test_onnx_multiplies_by_itself(texts, tmp_path):
    with pytest.raises(SettingError, match="metric: found 'l2'; expected 'ip'"):
        export(texts, "onnx", tmp_path / "out", settings=ExportSettings(metric="l2"))
    assert not (tmp_path / "out").exists()


def test_an_export_replaces_an_older_one_whole(texts, tmp_path):
    export(texts, "npz", tmp_path / "out")
    export(texts, "safetensors", tmp_path / "out")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"export.json", "users.parquet", "items.parquet", "vectors.safetensors"}
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["out"]


@pytest.mark.parametrize("when", ["writing", "renaming"])
def test_a_failure_leaves_the_old_one(texts, tmp_path, monkeypatch, when):
    export(texts, "npz", tmp_path / "out")
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}

    def full(*_):
        raise OSError(28, "No space left on device")

    if when == "writing":
        monkeypatch.setattr("fullrank.exporting.arrays.write_safetensors", full)
    else:
        own = type(tmp_path).rename
        monkeypatch.setattr(
            type(tmp_path), "rename", lambda a, b: full() if a.name == "new" else own(a, b)
        )
    with pytest.raises(DataError, match="out"):
        export(texts, "safetensors", tmp_path / "out")
    monkeypatch.undo()
    after = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert after == before


def test_what_is_no_export_stays(texts, tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    (own / "thesis.txt").write_text("years of work")
    with pytest.raises(DataError, match=r"own: found files and no export\.json; expected a new"):
        export(texts, "npz", own)
    with pytest.raises(DataError, match=r"thesis\.txt: found a file; expected a folder"):
        export(texts, "npz", own / "thesis.txt")
    assert (own / "thesis.txt").read_text() == "years of work"


def test_a_folder_that_is_no_export_is_not_read(texts, tmp_path):
    with pytest.raises(DataError, match=r"found no export\.json"):
        verify(texts, tmp_path)
    (tmp_path / folders.MANIFEST).write_text("{")
    with pytest.raises(DataError, match="found no JSON"):
        verify(texts, tmp_path)


@pytest.mark.parametrize("target", [*GRAPHS, "onnx", "qdrant"])
def test_a_missing_library_is_named_before_anything_is_written(
    texts, target, tmp_path, monkeypatch
):
    module = {"usearch": "usearch.index", "qdrant": "qdrant_client"}.get(target, target)
    monkeypatch.setitem(sys.modules, module, None)
    database = f"path:{tmp_path / 'q'}" if target == "qdrant" else None
    with pytest.raises(SettingError, match=r"expected pip install 'fullrank\[export\]'"):
        export(texts, target, tmp_path / "out", database=database)
    assert not list(tmp_path.iterdir())


def test_bad_words(texts, tmp_path):
    with pytest.raises(SettingError, match="--to: found 'fais'; expected 'faiss'"):
        export(texts, "fais", tmp_path / "out")
    with pytest.raises(SettingError, match="setting neighbour: found no such name"):
        ExportSettings(neighbour=3)
    with pytest.raises(SettingError, match="--database: found the target npz"):
        export(texts, "npz", tmp_path / "out", database="postgresql://x/y")
