"""Pairs, ids and manifest of a stranger's model folder, with right checksums: refused."""

from __future__ import annotations

import polars as pl
import pytest


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
    "change",
    [
        lambda t: t.with_columns(rows=pl.lit(0, pl.Int64)),
        lambda t: t.with_columns(rows=pl.lit(2**62, pl.Int64)),
        lambda t: t.with_columns(rows=pl.lit(1.0)),
        lambda t: t.with_columns(rows=pl.lit("1")),
        lambda t: t.with_columns(rows=pl.lit(1, pl.Int64)).reverse(),
        lambda t: pl.concat([t, t[-1:]]).with_columns(rows=pl.lit(1, pl.Int64)),
    ],
)
def test_counts_of_pairs_that_are_none(copied, change):
    folder = copied("directspec+")
    folder.table("test", change)
    folder.refused("column rows: found no counts of pairs in order, each once")


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
