"""What a database holds is read as a file with the same rows; PostgreSQL and MariaDB are real."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import adbc_driver_postgresql.dbapi as adbc
import duckdb
import pytest
from servers import PASSWORD
from shops import ODD, TABLE, Shop, statements

import fullrank as fr
from fullrank.data import Columns, read
from fullrank.data.sources import databases
from fullrank.errors import DataError, SettingError


@pytest.fixture(params=["sqlite", "duckdb", "postgresql", "mysql"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    if request.param == "postgresql":
        yield Shop(request.getfixturevalue("postgres_shop"), 'relation "none" does not exist')
    elif request.param == "mysql":
        yield Shop(request.getfixturevalue("mysql_shop"), "Table 'shop.none' doesn't exist")
    else:
        path = tmp_path / "shop.db"
        module = sqlite3 if request.param == "sqlite" else duckdb
        with closing(module.connect(path)) as connection:
            for each in statements('"', ODD.replace('"', '""')):
                connection.execute(each)
            if request.param == "sqlite":
                connection.commit()
        found = "no such table: none" if request.param == "sqlite" else "Table with name none does"
        yield Shop(f"{request.param}:{path}", found)


@pytest.fixture
def expected(tmp_path: Path) -> fr.Interactions:
    TABLE.write_parquet(tmp_path / "orders.parquet")
    return read(tmp_path / "orders.parquet")


@pytest.mark.slow
def test_a_table_is_the_file(shop, expected, monkeypatch):
    monkeypatch.setattr(databases, "ROWS", 100)  # several batches
    for table in ("orders", ODD):
        got = read(shop.data, columns=Columns(table=table))
        assert got.fingerprint == expected.fingerprint
        assert (got.timestamp == expected.timestamp).all()


@pytest.mark.slow
def test_a_query_names_the_columns(shop, expected):
    query = (
        "WITH o AS (SELECT user_id AS who, item_id AS what, 1 AS n FROM orders) SELECT * FROM o;"
    )
    got = read(shop.data, columns=Columns(query=query, user="who", item="what"))
    assert got.indptr.tolist() == expected.indptr.tolist()
    assert got.users == expected.users
    assert got.timestamp is None


def test_numbers_and_decimals(shop):
    got = read(shop.data, columns=Columns(table="numbers"))
    assert got.users.values.dtype.is_integer()
    assert got.weight.tolist() == [2.5]


@pytest.mark.slow
def test_a_file_database_by_its_first_bytes(shop, expected):
    kind, _, path = shop.data.partition(":")
    if kind in ("sqlite", "duckdb"):
        plain = Path(path).rename(Path(path).with_name("shop.data"))
        assert read(plain, columns=Columns(table="orders")).fingerprint == expected.fingerprint
        with pytest.raises(SettingError, match="found neither a query nor a table"):
            fr.load(plain)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"table": "empty"}, "table empty: found no rows; expected at least one interaction"),
        ({"query": "select 1 as a"}, "query: found the columns a; expected a column 'user_id'"),
        ({"query": "select user_id from orders"}, "expected a column 'item_id'"),
        ({"query": "selec 1"}, "found the answer: "),
        ({"query": "select null as user_id, 'a' as item_id"}, "column user_id: found "),
        ({"table": "orders", "weight": "price"}, "expected a column 'price'"),
    ],
)
def test_what_a_database_cannot_give(shop, asked, found):
    with pytest.raises(DataError) as caught:
        read(shop.data, columns=Columns(**asked))
    line = str(caught.value)
    assert found in line
    assert "\n" not in line
    assert PASSWORD not in line
    assert quote(PASSWORD, safe="") not in line


def test_a_missing_table(shop):
    with pytest.raises(DataError) as caught:
        fr.load(shop.data, columns=Columns(table="none"))
    assert shop.missing in str(caught.value)
    assert str(caught.value).endswith("; expected the name of a table or view")
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("query", ["DELETE FROM orders", "DROP TABLE orders"])
def test_nothing_is_written(shop, query):
    with pytest.raises(DataError, match=r"(?i)read.?only"):
        read(shop.data, columns=Columns(query=query))
    with pytest.raises(DataError):
        read(shop.data, columns=Columns(table="orders; DROP TABLE orders"))
    assert len(read(shop.data, columns=Columns(table="orders"))) == len(TABLE)


@pytest.mark.parametrize("query", ["attach database '{}' as n", "vacuum into '{}'"])
def test_sqlite_makes_no_other_file(tmp_path, query):
    with closing(sqlite3.connect(tmp_path / "x.db")) as connection:
        connection.execute("CREATE TABLE t (user_id, item_id)")
    with pytest.raises(DataError, match="found the answer"):
        read(tmp_path / "x.db", columns=Columns(query=query.format(tmp_path / "new.db")))
    assert [path.name for path in tmp_path.iterdir()] == ["x.db"]


@pytest.mark.parametrize("asked", [{"table": "\ud800"}, {"query": "select \ud800"}])
def test_text_that_no_driver_can_send(shop, asked):
    with pytest.raises(DataError, match=r"found the answer|found no such"):
        read(shop.data, columns=Columns(**asked))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("-- nothing", "found a statement that gives no rows; expected a query"),
        ("", "found a statement that gives no rows; expected a query"),
        (
            "select 'a' as user_id, 'b' as item_id, interval 1 day as timestamp",
            "column timestamp: found values of type month_day_nano_interval; expected numbers",
        ),
    ],
)
def test_what_duckdb_answers_that_is_no_table(tmp_path, query, found):
    duckdb.connect(str(tmp_path / "x.db")).close()
    with pytest.raises(DataError, match=found):
        read(f"duckdb:{tmp_path}/x.db", columns=Columns(query=query))


def test_neither_query_nor_table_or_both(shop):
    for asked, found in (
        ({}, "neither a q"),
        ({"query": "select 1", "table": "o"}, "both a query"),
    ):
        with pytest.raises(SettingError, match=f"found {found}"):
            read(shop.data, columns=Columns(**asked))


@pytest.mark.parametrize("data", ["sqlite:{}/none.db", "duckdb:{}/none.db"])
def test_no_file(data, tmp_path):
    with pytest.raises(DataError, match="found no such file; expected a database file"):
        read(data.format(tmp_path), columns=Columns(table="t"))


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
def test_a_file_that_is_no_database(kind, tmp_path):
    (tmp_path / "x.db").write_bytes(b"user_id,item_id\n" * 500)
    with pytest.raises(DataError, match=r"x\.db: found the answer: "):
        read(f"{kind}:{tmp_path}/x.db", columns=Columns(table="t"))
    (tmp_path / "x.db").write_bytes(b"SQLite format 3\x00" + b"\xff" * 5000)
    with pytest.raises(DataError, match=r"x\.db: found the answer: "):
        read(tmp_path / "x.db", columns=Columns(table="t"))


def test_sqlite_with_ids_of_two_types(tmp_path):
    with closing(sqlite3.connect(tmp_path / "x.db")) as connection:
        connection.execute("CREATE TABLE t (user_id, item_id)")
        connection.execute("INSERT INTO t VALUES (1, 'a'), ('two', 'b')")
        connection.commit()
    with pytest.raises(DataError, match="column user_id: found values of the types int and str"):
        read(tmp_path / "x.db", columns=Columns(table="t"))


def test_sqlite_with_whole_numbers_among_others(tmp_path):
    with closing(sqlite3.connect(tmp_path / "x.db")) as connection:
        connection.execute("CREATE TABLE t (user_id, item_id, weight)")
        connection.execute("INSERT INTO t VALUES ('a', 'x', 1), ('b', 'x', 2.5)")
        connection.commit()
    assert read(tmp_path / "x.db", columns=Columns(table="t")).weight.tolist() == [1.0, 2.5]


@pytest.mark.parametrize("package", ["duckdb", "adbc_driver_postgresql.dbapi", "pymysql"])
def test_a_driver_that_is_not_installed(package, tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, package, None)
    (tmp_path / "x.db").write_bytes(b"")
    data = {"d": f"duckdb:{tmp_path}/x.db", "a": "postgresql://h/d", "p": "mysql://h/d"}[package[0]]
    with pytest.raises(SettingError, match=r"expected pip install 'fullrank\[sql\]'"):
        read(data, columns=Columns(table="t"))


def test_a_fit_from_postgresql_has_the_bits_of_the_file(postgres_shop, tmp_path, real_data):
    """ml-100k through a table with text ids: the same tables as from its file."""
    data = fr.load("ml-100k", validation=0, test=0).train.to_frame()
    data.select("user_id", "item_id", "timestamp").write_parquet(tmp_path / "ml.parquet")
    with closing(adbc.connect(postgres_shop)) as connection, connection.cursor() as cursor:
        cursor.adbc_ingest("ratings", data.to_arrow(), mode="replace")
        connection.commit()
    query = "select user_id, item_id, timestamp from ratings order by random()"
    models = [
        fr.Recommender("bpr", epochs=1, dim=8, threads=1).fit(fr.load(place, columns=columns))
        for place, columns in (
            (postgres_shop, Columns(query=query)),
            (tmp_path / "ml.parquet", None),
        )
    ]
    assert models[0].train.fingerprint == models[1].train.fingerprint
    assert models[0].item_embeddings.equal(models[1].item_embeddings)
    assert models[0].recommend(k=5).equals(models[1].recommend(k=5))
