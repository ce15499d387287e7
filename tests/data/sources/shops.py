"""Shops in databases: the same tables in each, with a name that must be quoted among them."""

from __future__ import annotations

import time
from contextlib import closing
from typing import NamedTuple
from urllib.parse import quote

import adbc_driver_postgresql.dbapi as adbc
import polars as pl
import pymysql
import pytest
from servers import PASSWORD

from fullrank.data import generate

TABLE = generate(60, 40, 900, seed=0, timestamps=True).to_frame()
ODD = 'or"ders`; drop'
CREATE = "CREATE TABLE {} (user_id VARCHAR(20), item_id VARCHAR(20), timestamp BIGINT)"


class Shop(NamedTuple):
    """A database with the table ``orders``, the same under an odd name, and a table of kinds."""

    data: str
    missing: str
    """What its driver says of a table that there is not."""


def statements(mark: str, odd: str, table: pl.DataFrame = TABLE) -> list[str]:
    """What makes the tables; a name with a quotation mark in it among them."""
    values = ", ".join(str(row) for row in table.rows())
    return [
        CREATE.format("orders"),
        f"INSERT INTO orders VALUES {values}",
        f"CREATE TABLE {mark}{odd}{mark} AS SELECT * FROM orders",
        "CREATE TABLE empty AS SELECT * FROM orders WHERE 1 = 0",
        "CREATE TABLE numbers AS SELECT 1 AS user_id, 'x' AS item_id, 2.5 AS weight",
    ]


def server_url(place: str, scheme: str, database: str = "shop") -> str:
    return f"{scheme}://shop:{quote(PASSWORD, safe='')}@{place}/{database}"


@pytest.fixture(scope="session")
def postgres_shop(postgres: str) -> str:
    url = server_url(postgres, "postgresql", "postgres")
    for attempt in range(100):
        try:
            connection = adbc.connect(url, autocommit=True)
            break
        except adbc.OperationalError:  # it is starting up
            assert attempt < 99
            time.sleep(0.2)
    with closing(connection), connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE shop")
    shop = server_url(postgres, "postgresql")
    with closing(adbc.connect(shop, autocommit=True)) as inside, inside.cursor() as cursor:
        for each in statements('"', ODD.replace('"', '""')):
            cursor.execute(each)
    return shop


@pytest.fixture(scope="session")
def mysql_shop(mysql: str) -> str:
    host, _, port = mysql.partition(":")
    for attempt in range(100):
        try:
            login = {"user": "shop", "password": PASSWORD, "database": "shop"}
            connection = pymysql.connect(host=host, port=int(port), autocommit=True, **login)
            break
        except pymysql.err.OperationalError:  # it is starting up
            assert attempt < 99
            time.sleep(0.2)
    with closing(connection), connection.cursor() as cursor:
        for each in statements("`", ODD.replace("`", "``")):
            cursor.execute(each)
    return server_url(mysql, "mysql")
