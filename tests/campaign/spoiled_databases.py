"""Queries that do not fit, and damage to databases."""

from __future__ import annotations

import contextlib
import random
import sqlite3
from pathlib import Path
from typing import Any

from mutations import often_damaged
from shops import Shop, connected, is_sqlite
from spoiled import in_its_place

QUERIES = (
    ("select user_id, item_id from {t} where 1 = 0", "refused"),
    ("select item_id from {t}", "refused"),
    ("select user_id, user_id, item_id from {t}", "any"),
    ("select null as user_id, item_id from {t}", "refused"),
    ("select user_id, null as item_id from {t}", "refused"),
    ("select user_id, '' as item_id from {t}", "refused"),
    ("select user_id, item_id, 9e999 as weight from {t}", "refused"),
    ("select user_id, item_id, -9e999 as weight from {t}", "refused"),
    ("select user_id, item_id, null as weight from {t}", "refused"),
    ("select user_id, item_id, -1 as weight from {t}", "refused"),
    ("select user_id, item_id, 0 as weight from {t}", "refused"),
    ("select user_id, item_id, 'many' as weight from {t}", "refused"),
    ("select user_id, item_id, 9e999 - 9e999 as weight from {t}", "refused"),
    ("select user_id, item_id, 'nan' as timestamp from {t}", "refused"),
    ("select 9223372036854775807 as user_id, item_id from {t}", "any"),
    ("select 9223372036854775808 as user_id, item_id from {t}", "any"),
    ("select 1.5 as user_id, item_id from {t}", "refused"),
    ("select case when item_id > 'i5' then 1 else 'x' end as user_id, item_id from {t}", "any"),
    ("select item_id as user_id, item_id, timestamp from {t}", "any"),
    ("select * from {t}; drop table {t}", "refused"),
    ("drop table {t}", "refused"),
    ("delete from {t}", "refused"),
    ("create table other (x integer)", "refused"),
    ("insert into {t} select * from {t}", "refused"),
    ("update {t} set item_id = 'x'", "refused"),
    ("select", "refused"),
    ("selec user_id from {t}", "refused"),
    ("", "refused"),
    (";", "refused"),
    ("-- nothing", "refused"),
    ("select user_id, item_id from {t} where user_id = :name", "refused"),
    ("select user_id, item_id from {t} where user_id = ?", "refused"),
    ("select user_id, item_id from \ud800", "refused"),
    ("select user_id, item_id\x00 from {t}", "any"),
    ("select user_id, item_id from {t} where item_id = '\u202e'", "refused"),
    ("select user_id, item_id from nowhere", "refused"),
    ("select u.user_id, i.item_id from {t} u, {t} i limit 200", "any"),
    ("select " + "(" * 2000 + "1" + ")" * 2000 + " as user_id, item_id from {t}", "any"),
    ("select user_id, item_id from {t} /* " + "x" * 1_000_000 + " */", "any"),
    ("begin", "refused"),
    ("explain select * from {t}", "refused"),
)
OF_SQLITE = (
    ("select x'00ff' as user_id, item_id from {t}", "refused"),
    ("select cast(x'ff' as text) as user_id, item_id from {t}", "refused"),
    ("select 'a' || char(0) || 'b' as user_id, item_id from {t}", "any"),
    ("select sum(9223372036854775807) as user_id, item_id from {t} group by item_id", "any"),
    ("pragma table_info('orders')", "refused"),
    ("attach database '{new}' as n", "refused"),
    ("vacuum", "refused"),
    ("vacuum into '{new}'", "refused"),
)
OF_DUCKDB = (
    ("select uuid() as user_id, item_id from {t}", "any"),
    ("select [1, 2] as user_id, item_id from {t}", "refused"),
    ("select {{'a': 1}} as user_id, item_id from {t}", "refused"),
    ("select 'a'::blob as user_id, item_id from {t}", "refused"),
    ("select 170141183460469231731687303715884105727 as user_id, item_id from {t}", "any"),
    ("select user_id, item_id, 'nan'::double as weight from {t}", "refused"),
    ("select user_id, item_id, 1.5::decimal(9, 2) as weight from {t}", "any"),
    ("select user_id, item_id, 'infinity'::timestamp as timestamp from {t}", "any"),
    ("select user_id, item_id, interval 1 day as timestamp from {t}", "refused"),
    ("select user_id, item_id, now() as timestamp from {t}", "any"),
    ("select true as user_id, item_id from {t}", "refused"),
    ("select user_id, item_id, time '12:00' as timestamp from {t}", "any"),
    ("select 18446744073709551615::ubigint as user_id, item_id from {t}", "any"),
    ("select item_id::varchar::bit as user_id, item_id from {t}", "any"),
    ("select map {{'a': 1}} as user_id, item_id from {t}", "refused"),
    ("select user_id, error('no') as item_id from {t}", "refused"),
)


def spoil_database(made: Shop, path: Path, rng: random.Random) -> None:
    """A query that does not fit, or damage to the file."""
    lite = is_sqlite(path)
    how = rng.choice((*["query"] * 6, "bytes", "bytes", "cut", "asked", "place", "held", "rows"))
    made.did, made.expected = how, "any"
    named = made.options.pop("--table", None)
    if named is None:
        named = made.options["--query"].partition(" from ")[2].strip(" ;\n").partition(" --")[0]
        named = named.strip('"').replace('""', '"')
    table = '"' + named.replace('"', '""') + '"'
    if how == "query":
        query, made.expected = rng.choice((*QUERIES, *(OF_SQLITE if lite else OF_DUCKDB) * 2))
        made.options = {"--query": query.format(t=table, new=path.with_name("new.db"))}
        made.did = query[:60]
    elif how in ("bytes", "cut"):
        data = path.read_bytes()
        cut = data[: rng.randrange(len(data))]
        path.write_bytes(cut if how == "cut" else often_damaged(data, rng, [data])[0])
    elif how == "asked":
        asked: list[dict[str, str]] = [
            {}, {"--query": "select 1", "--table": "x"}, {"--table": ""}, {"--table": "no such"},
            {"--table": "x.y.z"}, {"--table": "\ud800"}, {"--table": "a\x00b"}, {"--table": '"'},
        ]  # fmt: skip
        made.options = rng.choice(asked)
        made.expected = "refused"
    elif how == "place":
        in_its_place(made, path, rng)
        made.expected = "any"  # a file of text that a query is asked of, or no file
    elif how == "held" and lite:
        held(path, rng)
        made.expected = "any"
    elif how == "rows" and lite:
        odd_rows(made, path, rng)


_HELD: list[Any] = []
"""Connections that are kept open."""


def held(path: Path, rng: random.Random) -> None:
    """Another program is in the middle of writing."""
    connection = sqlite3.connect(path, isolation_level=None)
    if rng.random() < 0.8:
        connection.execute("pragma journal_mode = wal")
    else:
        connection.execute("begin exclusive")
    _HELD.append(connection)


def odd_rows(made: Shop, path: Path, rng: random.Random) -> None:
    """Values that SQLite keeps in a column of any type."""
    values = (
        None,
        b"\x00\xff",
        2**63 - 1,
        -(2**63),
        1.5,
        float("inf"),
        "",
        "x" * 100_000,
        "\n",
        "\x00",
    )
    name = rng.choice(made.columns)
    with contextlib.closing(connected("sqlite", path)) as connection, connection:
        (named,) = connection.execute(
            "select name from sqlite_master where type = 'table'"
        ).fetchone()
        table = '"' + named.replace('"', '""') + '"'
        columns = ", ".join(made.columns)
        row = made.rows[0] | {name: rng.choice(values)}
        marks = ", ".join("?" * len(row))
        connection.execute(f"insert into {table} ({columns}) values ({marks})", tuple(row.values()))
    made.options["--table"] = named
    made.options.pop("--query", None)
