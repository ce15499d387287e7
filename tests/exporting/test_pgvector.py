"""Tables of pgvector, by the file of SQL and straight into a real database."""

from __future__ import annotations

import json
from urllib.parse import quote

import numpy as np
import pytest
from places import pgvector, psql
from servers import PASSWORD, free_port, postgres
from typer.testing import CliRunner

from fullrank import Recommender
from fullrank.cli import app
from fullrank.data import Interactions
from fullrank.errors import DataError, SettingError
from fullrank.exporting import ExportSettings, export, verify
from fullrank.exporting.vectors import vectors_of

__all__ = ["pgvector", "postgres"]
METRICS = {"ip": "<#>", "cosine": "<=>", "l2": "<->"}


def url(place: str, password: str = PASSWORD) -> str:
    return f"postgresql://shop:{quote(password, safe='')}@{place}/postgres"


def nearest(place: str, table: str, operator: str, user: object, k: int = 10) -> list[str]:
    """By SQL as a front end would write it."""
    query = (
        f"SELECT item_id FROM {table}_items ORDER BY vector {operator} "
        f"(SELECT vector FROM {table}_users WHERE user_id = :'user') LIMIT {k};"
    )
    script = f"SET hnsw.ef_search = 400;\n{query}\n"
    return psql_script(place, script, user).split("\n")[:k]


def psql_script(place: str, script: str, user: object) -> str:
    import tempfile

    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        return psql(place, "-v", f"user={user}", "-f", file.name)


@pytest.mark.posix
@pytest.mark.parametrize("metric", list(METRICS))
def test_the_nearest_rows_by_sql_are_the_lists(model, pgvector, metric, tmp_path):
    settings = ExportSettings(metric=metric, table=f"t_{metric}")
    export(model, "pgvector", tmp_path / "out", settings=settings)
    psql(pgvector, "-f", str(tmp_path / "out" / "items.sql"))
    for user in model.users.values[::60].to_list():
        wanted = model.recommend([user], 10, exclude_seen=False)["item_id"]
        found = nearest(pgvector, f"t_{metric}", METRICS[metric], user)
        assert found == [str(each) for each in wanted]
    indexes = psql(pgvector, "-c", "SELECT indexdef FROM pg_indexes")
    assert f"USING hnsw (vector vector_{metric}_ops)" in indexes


@pytest.mark.posix
@pytest.mark.parametrize("metric", list(METRICS))
def test_a_database_loaded_at_once(model, pgvector, metric, tmp_path):
    settings = ExportSettings(metric=metric, table="direct")
    said = export(model, "pgvector", tmp_path / "out", settings=settings, database=url(pgvector))
    assert PASSWORD not in said.database
    assert PASSWORD not in (tmp_path / "out" / "export.json").read_text()
    checked = verify(model, tmp_path / "out", users=40, k=10, database=url(pgvector))
    assert checked.recall == 1


@pytest.mark.posix
def test_both_ways_store_the_same(texts, pgvector, tmp_path):
    for name, database in (("script", None), ("loaded", url(pgvector))):
        settings = ExportSettings(table=name)
        export(texts, "pgvector", tmp_path / name, settings=settings, database=database)
    psql(pgvector, "-f", str(tmp_path / "script" / "items.sql"))
    shown = "SELECT row_to_json(t) FROM {}_items t ORDER BY item_id"
    one, two = (psql(pgvector, "-c", shown.format(name)) for name in ("script", "loaded"))
    assert one == two
    rows = [json.loads(line) for line in one.splitlines()]
    known = {row["item_id"]: row for row in texts.items_table.to_dicts()}
    vectors = dict(zip(texts.items.values, texts.item_embeddings.numpy(), strict=True))
    assert len(rows) == len(known)
    for row in rows:
        np.testing.assert_array_equal(
            np.float32(json.loads(row.pop("vector"))), vectors[row["item_id"]]
        )
        assert row == known[row["item_id"]]


@pytest.mark.posix
def test_ids_beyond_signed_numbers(pgvector, small, tmp_path):
    ids = np.arange(2**64 - 120, 2**64 - 1, dtype=np.uint64)
    rng = np.random.default_rng(0)
    frame = {"user_id": rng.integers(40, size=600), "item_id": rng.choice(ids, 600)}
    import polars as pl

    data = Interactions.from_frame(pl.DataFrame(frame).unique(maintain_order=True))
    model = Recommender("bpr", epochs=1, dim=4, batch_size=64).fit(data)
    settings = ExportSettings(table="large")
    export(model, "pgvector", tmp_path / "o", settings=settings, database=url(pgvector))
    assert verify(model, tmp_path / "o", users=9, k=5, database=url(pgvector)).recall == 1


@pytest.mark.posix
def test_a_failure_leaves_the_old_tables(texts, pgvector, tmp_path, monkeypatch):
    settings = ExportSettings(table="kept")
    how = {"settings": settings, "database": url(pgvector)}
    export(texts, "pgvector", tmp_path / "out", **how)
    monkeypatch.setattr("fullrank.exporting.database.index_of", lambda *_: "CREATE INDEX nonsense")
    with pytest.raises(DataError, match=r"postgresql://shop@.*the answer: .*syntax error"):
        export(texts, "pgvector", tmp_path / "out", **how)
    assert verify(texts, tmp_path / "out", users=9, k=5, database=url(pgvector)).recall == 1


@pytest.mark.slow
@pytest.mark.posix
def test_a_server_without_pgvector(texts, postgres, tmp_path):
    with pytest.raises(DataError, match="expected a database with pgvector") as raised:
        export(texts, "pgvector", tmp_path / "out", database=url(postgres))
    assert PASSWORD not in str(raised.value)
    assert quote(PASSWORD, safe="") not in str(raised.value)
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_reached_is_one_line_without_secrets(texts, tmp_path):
    texts.save(tmp_path / "model")
    for place in (url(f"127.0.0.1:{free_port()}", "hush/hush"), "mysql://shop:hush%2Fhush@x/y"):
        command = ["export", str(tmp_path / "model"), "--to", "pgvector", "-o"]
        command += [str(tmp_path / "out"), "--database", place]
        result = CliRunner().invoke(app, command)
        assert isinstance(result.exception, DataError | SettingError)
        assert "\n" not in str(result.exception)
        assert "hush" not in str(result.exception)
    assert not (tmp_path / "out").exists()


def test_verify_asks_for_the_database(texts, tmp_path):
    export(texts, "pgvector", tmp_path / "out")
    with pytest.raises(SettingError, match="--verify of pgvector: found no --database"):
        verify(texts, tmp_path / "out")


def test_names_cannot_leave_their_quotes():
    for name in ('a"; DROP TABLE x', "", "1a", "é"):
        with pytest.raises(SettingError, match="setting table"):
            ExportSettings(table=name)


def test_vectors_too_wide_for_an_index(small, tmp_path, monkeypatch):
    monkeypatch.setattr("fullrank.exporting.pgvector.MOST", 4)
    model = Recommender("bpr", epochs=1, dim=8).fit(small)
    with pytest.raises(SettingError, match="found vectors of 8 numbers; expected at most 4"):
        export(model, "pgvector", tmp_path / "out")
    assert vectors_of(model).vectors.shape[1] == 8
    assert not (tmp_path / "out").exists()
