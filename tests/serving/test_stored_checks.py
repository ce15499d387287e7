"""A model folder made by a stranger, with right checksums: refused in one line, or right."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.torch import load_file, save_file

from fullrank import DataError, Recommender
from fullrank.data.stored_tables import read_table, write_table
from fullrank.serving import model_files

COLUMNS = dict.fromkeys(("id", "title", "user_row", "item_row", "weight"), False)
QUICK = {"dim": 8, "batch_size": 64, "epochs": 1}
SHORT = {"rank": 8}
MODELS = {
    "directspec+": QUICK,
    "itemknn": {},
    "ease": {},
    "spectral": SHORT,
    "allpass": SHORT,
}


@pytest.fixture(scope="module")
def saved(small, tmp_path_factory):
    """A folder of each kind of scorer."""
    home = tmp_path_factory.mktemp("models")
    for method, settings in MODELS.items():
        Recommender(method, **settings).fit(small).save(home / method)
    return home


class Folder:
    """A copy of a model whose parts are replaced, each with its name and checksum made right."""

    def __init__(self, source, target):
        target.mkdir()
        for file in source.iterdir():
            (target / file.name).write_bytes(file.read_bytes())
        self.path = target

    @property
    def manifest(self):
        return json.loads((self.path / "manifest.json").read_text())

    def tell(self, text):
        (self.path / "manifest.json").write_text(
            text if isinstance(text, str) else json.dumps(text)
        )

    def sign(self, part):
        manifest = self.manifest
        file = self.path / manifest["files"][part]["file"]
        manifest["files"][part] |= {
            "sha256": model_files._sha256(file),
            "bytes": file.stat().st_size,
        }
        self.tell(manifest)

    def tensors(self, change):
        file = self.path / self.manifest["files"]["tables"]["file"]
        tensors = {name: each.clone() for name, each in load_file(file).items()}
        change(tensors)
        save_file(tensors, file)
        self.sign("tables")

    def table(self, part, change):
        file = self.path / self.manifest["files"][part]["file"]
        write_table(file, change(read_table(file, COLUMNS)))
        self.sign(part)

    def refused(self, words):
        with pytest.raises(DataError, match=words) as caught:
            Recommender.load(self.path)
        assert "\n" not in str(caught.value)


@pytest.fixture
def copied(saved, tmp_path):
    return lambda method: Folder(saved / method, tmp_path / "copy")


@pytest.mark.parametrize(
    ("method", "name"),
    [
        ("directspec+", "users"),
        ("directspec+", "items"),
        ("ease", "weights"),
        ("spectral", "vectors"),
        ("spectral", "scale"),
        ("spectral", "matrix.data"),
        ("allpass", "factors"),
        ("allpass", "singular_values"),
        ("allpass", "scale"),
        ("allpass", "filter"),
        ("allpass", "matrix.data"),
        ("itemknn", "weights.indices"),
        ("itemknn", "weights.indptr"),
    ],
)
@pytest.mark.parametrize("how", ["short", "flat", "double", "gone"])
def test_tables_of_another_shape_or_dtype(copied, method, name, how):
    def change(tensors):
        table = tensors.pop(name)
        if how != "gone":
            made = {"short": table[:-1], "flat": table[None], "double": table.to(torch.int16)}[how]
            tensors[name] = made.contiguous()

    folder = copied(method)
    folder.tensors(change)
    folder.refused("tables of the model")


def test_weights_that_are_not_square(copied):
    folder = copied("ease")
    folder.tensors(lambda tensors: tensors.update(weights=tensors["weights"][:, :-1].contiguous()))
    folder.refused(r"tensor weights: found float32 of shape \(120, 119\)")


def test_tables_without_a_column(copied):
    folder = copied("directspec+")
    folder.tensors(
        lambda tensors: tensors.update(
            {name: tensors[name][:, :0].contiguous() for name in ("users", "items")}
        )
    )
    folder.refused(r"tables of the model, tensor users: found float32 of shape \(200, 0\)")


@pytest.mark.parametrize(
    ("method", "part", "value"),
    [
        ("itemknn", "weights.indices", 120),
        ("itemknn", "weights.indices", -1),
        ("itemknn", "weights.indptr", 2**40),
        ("itemknn", "weights.indptr", -1),
        ("spectral", "matrix.indices", 10**6),
        ("spectral", "matrix.indptr", 10**6),
        ("allpass", "matrix.indices", 10**6),
    ],
)
def test_sparse_parts_out_of_range(copied, method, part, value):
    folder = copied(method)
    folder.tensors(lambda tensors: tensors[part].__setitem__(5, value))
    folder.refused("tables of the model")


@pytest.mark.parametrize(("method", "part"), [("itemknn", "weights"), ("spectral", "matrix")])
def test_row_pointers_that_rise_and_end_at_zero(copied, method, part):
    def change(tensors):
        tensors[f"{part}.indptr"][1:-1] = 10**6
        tensors[f"{part}.indptr"][-1] = 0  # for SciPy there is nothing to check in such a matrix

    folder = copied(method)
    folder.tensors(change)
    folder.refused(f"tables of the model, {part}.indptr")


def test_weights_of_fewer_items(copied):
    """Each part fits the others, and not the items."""

    def change(tensors):
        nnz = int(tensors["weights.indptr"][-2])
        tensors["weights.indptr"] = tensors["weights.indptr"][:-1].clone()
        for part in ("indices", "data"):
            tensors[f"weights.{part}"] = tensors[f"weights.{part}"][:nnz].clone()

    folder = copied("itemknn")
    folder.tensors(change)
    folder.refused(r"tensor weights\.indptr: found int64 of shape \(120,\)")


@pytest.mark.parametrize("name", ["weights.indptr", "weights.indices", "weights.data"])
def test_sparse_parts_that_are_a_number(copied, name):
    folder = copied("itemknn")
    folder.tensors(lambda tensors: tensors.update({name: tensors[name].sum()}))
    folder.refused(f"tensor {name}")


@pytest.mark.parametrize("numbers", [[-1, 1], [0.5, -1], [np.nan, 1], [0.5, np.inf]])
def test_spectral_settings_out_of_bounds(copied, numbers):
    folder = copied("spectral")
    wrong = {"beta_smoothing": torch.tensor(numbers, dtype=torch.float64)}
    folder.tensors(lambda tensors: tensors.update(wrong))
    folder.refused("found beta")


@pytest.mark.parametrize(
    "numbers",
    [[-1, 1, 1, 1], [2, 1, 1, 1], [0.5, np.nan, 1, 1], [0.5, 1, np.inf, 1], [0, 1, 1, -1]],
)
def test_allpass_filters_out_of_bounds(copied, numbers):
    folder = copied("allpass")
    wrong = {"filter": torch.tensor(numbers, dtype=torch.float64)}
    folder.tensors(lambda tensors: tensors.update(wrong))
    folder.refused("found exponent")


@pytest.mark.parametrize("value", [-1, np.nan, np.inf])
def test_singular_values_are_lengths(copied, value):
    folder = copied("allpass")
    folder.tensors(lambda tensors: tensors["singular_values"].__setitem__(2, value))
    folder.refused("singular_values: found")


@pytest.mark.parametrize("part", ["train", "validation", "test"])
@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("item_row", 120, "item_idx: found row 120"),
        ("user_row", -1, "user_idx: found row -1"),
        ("user_row", 2**31 - 1, "user_idx: found row 2147483647"),
        ("item_row", None, "row numbers of type Float64"),
    ],
)
def test_row_numbers_out_of_range(copied, part, column, value, words):
    def change(table):
        values = [*table[column].to_list()[:-1], value]
        return table.with_columns(pl.Series(column, values, dtype=table[column].dtype))

    folder = copied("directspec+")
    folder.table(part, change)
    folder.refused(words)


@pytest.mark.parametrize("kind", [pl.String, pl.Float64])
def test_row_numbers_of_another_type(copied, kind):
    folder = copied("directspec+")
    folder.table("train", lambda table: table.with_columns(pl.col("item_row").cast(kind)))
    folder.refused("column item_row: found row numbers of type")


@pytest.mark.parametrize("kind", [pl.String, pl.Int32])
def test_weights_of_another_type(copied, kind):
    folder = copied("directspec+")
    folder.table("train", lambda table: table.with_columns(weight=pl.lit(1).cast(kind)))
    folder.refused("column weight: found weights of type")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: pl.concat([t[:-1], t[:1]]), "ids, position 119: found 'i0' again"),
        (lambda t: t.with_columns(id=pl.lit(None, dtype=pl.String)), "missing id"),
        (lambda t: t.with_columns(id=pl.lit(1.5)), "found ids of type Float64"),
        (lambda t: t.drop("id"), "expected a column 'id'"),
        (lambda t: t.with_columns(title=pl.lit(3)), "titles of type"),
        (lambda t: t[:-1], "out of|item_idx|row|tables of the model"),
    ],
)
def test_ids_that_are_none(copied, change, words):
    folder = copied("directspec+")
    folder.table("items", change)
    folder.refused(words)


def test_parts_in_another_order_are_the_same_parts(copied, saved):
    folder = copied("directspec+")
    folder.table("train", lambda table: table.reverse())
    loaded = Recommender.load(folder.path)
    assert loaded.train.fingerprint == Recommender.load(saved / "directspec+").train.fingerprint


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000 + "]" * 100_000, "null", "[]", '{"format": 2}', "", "\ufeff{}", "1"],
    ids=["deep", "null", "list", "short", "empty", "mark", "number"],
)
def test_manifests_that_are_none(copied, text):
    folder = copied("directspec+")
    folder.tell(text)
    folder.refused(r"manifest\.json: found a damaged manifest")


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"file": 3}, "damaged manifest"),
        ({"bytes": "many"}, "damaged manifest"),
        ({"sha256": None}, "damaged manifest"),
        ({"file": "../x"}, "found the path"),
        ({"file": "manifest.json"}, "found the path"),
        ({"file": "a\0b"}, "found the path"),
        ({"file": "é" * 200}, "found the path"),
        ({"file": "x" * 300}, "found the path"),
        ({"file": "\ud800"}, "damaged manifest"),
    ],
)
def test_entries_that_name_no_file(copied, entry, words):
    folder = copied("directspec+")
    manifest = folder.manifest
    manifest["files"]["tables"] |= entry
    folder.tell(manifest)
    folder.refused(words)


@pytest.mark.parametrize(
    ("part", "values"),
    [
        ("training", {"engine": "fast"}),
        ("training", {"engine": {"name": 3}}),
        ("training", {"epochs": "ten"}),
        ("training", {"folded_in": 1.5}),
        ("training", {"effective_rank": 10**400}),
        ("training", {"validation_ndcg@20": []}),
        ("metrics", {"metrics": [1]}),
        ("metrics", {"metrics": {"ndcg@10": None}}),
        ("metrics", {"metrics": {"ndcg@x": 0.5}}),
        ("data", {"name": 7}),
    ],
)
def test_metadata_that_could_not_be_shown(copied, part, values):
    folder = copied("directspec+")
    manifest = folder.manifest
    manifest[part] |= values
    folder.tell(manifest)
    folder.refused("damaged manifest")


@pytest.mark.parametrize("method", MODELS)
def test_what_save_wrote_passes(copied, method):
    model = Recommender.load(copied(method).path)
    assert len(model.recommend(k=3)) == 600
    assert "directspec+" not in repr(model) or method == "directspec+"


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
