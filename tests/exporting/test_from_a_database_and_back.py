"""A shop's whole way: a query, a fit, an export into the same database, lists by SQL alone."""

from __future__ import annotations

import pytest
from places import pgvector, psql
from test_pgvector import url

import fullrank as fr
from fullrank.exporting import ExportSettings, export, verify

__all__ = ["pgvector"]
SQL = """
SET hnsw.ef_search = 800;
SET hnsw.iterative_scan = strict_order;
SELECT u.user_id, i.item_id FROM unnest(ARRAY[{users}]) AS u(user_id), LATERAL (
  SELECT item_id FROM ml_items
  WHERE item_id NOT IN (SELECT film FROM ratings WHERE viewer = u.user_id)
  ORDER BY vector <#> (SELECT vector FROM ml_users m WHERE m.user_id = u.user_id) LIMIT 10
) AS i;
"""


@pytest.mark.slow
@pytest.mark.posix
def test_ml_100k(pgvector, tmp_path):
    frame = fr.load("ml-100k", validation=0).train.to_frame()
    rows = tmp_path / "rows.csv"
    frame.select("user_id", "item_id").write_csv(rows, include_header=False)
    psql(pgvector, "-c", "CREATE TABLE ratings (viewer text, film text)")
    psql(pgvector, "-c", rf"\copy ratings FROM '{rows}' (FORMAT csv)")

    query = "SELECT viewer AS user_id, film AS item_id FROM ratings"
    data = fr.read(url(pgvector), columns=fr.Columns(query=query))
    assert len(data) == len(frame)
    model = fr.Recommender("ials", dim=32, iterations=3).fit(data)
    settings = ExportSettings(table="ml")
    export(model, "pgvector", tmp_path / "out", settings=settings, database=url(pgvector))
    assert verify(model, tmp_path / "out", users=200, database=url(pgvector)).recall >= 0.98

    users = model.users.values[::40].to_list()
    quoted = ", ".join(f"'{each}'" for each in users)
    (tmp_path / "lists.sql").write_text(SQL.format(users=quoted))
    found = psql(pgvector, "-f", str(tmp_path / "lists.sql")).split()
    lists = model.recommend(users, 10)
    wanted = [f"{user}|{item}" for user, item in lists.select("user_id", "item_id").rows()]
    assert len(found) == len(wanted)
    common = len(set(found) & set(wanted)) / len(wanted)
    assert common >= 0.99
