"""Databases: a query or a table as interactions, read in batches; connections only read.

SQLite comes with Python. PostgreSQL is read through ADBC and DuckDB by itself, both in Arrow's
batches; MySQL through PyMySQL, whose cursor is not buffered. A driver is imported when
it is needed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from fullrank.data.columns import Columns
from fullrank.data.location import SourceLocation
from fullrank.data.readers.source import Source
from fullrank.data.sources.address import Kind, ServerURL, kind_of, shown
from fullrank.data.sources.mysql import login
from fullrank.data.sources.rows import of_arrow, of_tuples
from fullrank.errors import DataError, SettingError
from fullrank.extras import library

ROWS = 50_000
"""Rows of a batch."""
SECONDS = 10
"""To wait for a server to answer."""
_MAGIC: dict[Kind, tuple[int, bytes]] = {
    "sqlite": (0, b"SQLite format 3\x00"),
    "duckdb": (8, b"DUCK"),
}


@dataclass(frozen=True)
class Cursor:
    """A query that runs: the names of its columns, and its rows in batches."""

    columns: list[str]
    batches: Callable[[list[str]], Iterator[pl.DataFrame]]
    """The named columns of each batch."""
    close: Callable[[], object] = bool
    """Ends the query, before the connection is closed."""


@dataclass(frozen=True)
class Database:
    """How a kind of database is asked.

    Args:
        where: What it is called in messages: nothing secret.
        connect: Gives a connection, which is closed in the end.
        run: Runs a query on one.
        quote: What stands around a name.
        package: The driver, for what it raises.
        scrubbed: A message of the driver without secrets.
    """

    where: str
    connect: Callable[[], Any]
    run: Callable[[Any, str], Cursor]
    quote: str
    errors: tuple[type[Exception], ...]
    scrubbed: Callable[[str], str] = str

    def table(self, name: str) -> str:
        """A table's name as an identifier; a dot stands between schema and table."""
        marks = self.quote
        parts = [f"{marks}{part.replace(marks, marks * 2)}{marks}" for part in name.split(".")]
        return ".".join(parts)

    @contextmanager
    def told(self, expected: str) -> Iterator[None]:
        """Raises what the driver raises as a `DataError` of one line.

        Drivers raise a ValueError for text that they cannot send, such as half a character.
        """
        known: tuple[type[Exception], ...] = (*self.errors, ValueError)
        try:
            yield
        except known as error:
            message = error.args[-1] if error.args else error
            lines = str(message).strip().splitlines() or [type(error).__name__]
            found = "the answer: " + self.scrubbed(lines[0]).strip()
            raise DataError(self.where, found, expected) from None


def kind_of_file(path: Path) -> Kind | None:
    """Whether a file is a database, by its first bytes."""
    with path.open("rb") as file:
        first = file.read(16)
    for kind, (start, magic) in _MAGIC.items():
        if first[start : start + len(magic)] == magic:
            return kind
    return None


@contextmanager
def queried(data: str, columns: Columns, kind: Kind | None = None) -> Iterator[Source]:
    """The rows of ``columns.query``, or of ``columns.table``, as a table.

    Args:
        data: A URL, ``duckdb:PATH``, ``sqlite:PATH`` or, with ``kind``, a path.
        columns: With the query or the name of a table; not both.
        kind: What kind of database it is, where the string does not say.

    Raises:
        DataError: the database does not answer, or not to this.
        SettingError: there is neither a query nor a table, or both, or no driver.
    """
    database = _database(data, kind)
    _check_asked(database.where, columns)
    with database.told("a database that can be read"):
        connection = database.connect()
    cursor = None
    try:
        query, expected = columns.query, "a query that it runs"
        if query is None:
            query = f"SELECT * FROM {database.table(columns.table or '')}"  # noqa: S608  # quoted
            expected = "the name of a table or view"
        with database.told(expected):
            cursor = database.run(connection, query.strip().rstrip(";"))
        yield _source(database, cursor, columns)
    finally:
        with suppress(*database.errors):
            if cursor is not None:
                cursor.close()
            connection.close()


def _check_asked(where: str, columns: Columns) -> None:
    if (columns.query is None) == (columns.table is None):
        both = "both a query and a table" if columns.query else "neither a query nor a table"
        raise SettingError(where, both, "one: --query 'select …' or --table NAME (query=, table=)")


def _source(database: Database, cursor: Cursor, columns: Columns) -> Source:
    name = "query" if columns.table is None else f"table {columns.table}"
    location = SourceLocation(f"{database.where}, {name}")

    def load(names: Iterable[str]) -> tuple[pl.DataFrame, SourceLocation]:
        wanted = list(names)
        with database.told("rows"):
            frames = list(cursor.batches(wanted))
        frames = [each for each in frames if len(each)] or frames[:1]
        for frame in frames[1:]:
            for column, dtype in frame.schema.items():
                if dtype != frames[0].schema[column] and pl.Null not in (
                    dtype,
                    frames[0].schema[column],
                ):
                    found = f"{dtype} below values of type {frames[0].schema[column]}"
                    where = f"{location.name}, column {column}"
                    raise DataError(where, found, "one type in a column")
        if not frames:
            return pl.DataFrame(schema=dict.fromkeys(wanted, pl.String)), location
        return pl.concat(frames, how="vertical_relaxed", rechunk=False), location

    return Source(location, cursor.columns, load)


def _database(data: str, kind: Kind | None) -> Database:
    kind = kind or kind_of(data)
    if kind in ("sqlite", "duckdb"):
        path = Path(data.partition(":")[2] if kind_of(data) == kind else data).expanduser()
        if not path.is_file():
            raise DataError(shown(data), "no such file", "a database file")
        return _sqlite(path) if kind == "sqlite" else _duckdb(path)
    url = ServerURL(data)
    return _postgresql(url) if kind == "postgresql" else _mysql(url)


def _sqlite(path: Path) -> Database:
    import sqlite3

    def connect() -> Any:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        connection.set_authorizer(allowed)
        return connection

    def allowed(action: int, *_: object) -> int:
        # mode=ro is of this file alone: ATTACH and VACUUM INTO would make another one.
        return sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_ATTACH else sqlite3.SQLITE_OK

    def run(connection: Any, query: str) -> Cursor:
        return _of_dbapi(connection.cursor(), query)

    errors = (sqlite3.Error, sqlite3.Warning)
    return Database(str(path), connect, run, '"', errors)


def _duckdb(path: Path) -> Database:
    duckdb = library("duckdb", "database")
    library("pyarrow", "database")

    def run(connection: Any, query: str) -> Cursor:
        relation = connection.sql(query)
        if relation is None:
            raise DataError(str(path), "a statement that gives no rows", "a query: select …")
        reader = relation.to_arrow_reader(ROWS)
        return Cursor(list(reader.schema.names), lambda names: of_arrow(reader, names))

    def connect() -> Any:
        return duckdb.connect(str(path), read_only=True)

    return Database(str(path), connect, run, '"', (duckdb.Error,))


def _postgresql(url: ServerURL) -> Database:
    adbc = library("adbc_driver_postgresql.dbapi", "database")
    library("pyarrow", "database")
    if "PGCONNECT_TIMEOUT" not in os.environ:
        url.query.setdefault("connect_timeout", str(SECONDS))

    def connect() -> Any:
        return adbc.connect(url.url("postgresql"))

    def run(connection: Any, query: str) -> Cursor:
        cursor = connection.cursor()
        cursor.execute("SET TRANSACTION READ ONLY")
        cursor.execute(query)
        names = [each[0] for each in cursor.description or ()]

        def batches(wanted: list[str]) -> Iterator[pl.DataFrame]:
            return of_arrow(cursor.fetch_record_batch(), wanted)

        return Cursor(names, batches, cursor.close)

    return Database(url.shown, connect, run, '"', (adbc.Error,), url.scrubbed)


def _mysql(url: ServerURL) -> Database:
    pymysql, cursors = library("pymysql", "database"), library("pymysql.cursors", "database")
    asked = login(url)

    def connect() -> Any:
        return pymysql.connect(**asked, connect_timeout=SECONDS, cursorclass=cursors.SSCursor)

    def run(connection: Any, query: str) -> Cursor:
        with connection.cursor() as first:
            first.execute("SET SESSION TRANSACTION READ ONLY")  # DDL ends a transaction
        return _of_dbapi(connection.cursor(), query)

    errors = (pymysql.err.Error, OSError, RuntimeError)
    return Database(url.shown, connect, run, "`", errors, url.scrubbed)


def _of_dbapi(cursor: Any, query: str) -> Cursor:
    """A cursor of Python's database interface, whose rows are tuples: some of them at a time."""
    cursor.execute(query)
    names = [each[0] for each in cursor.description or ()]

    def batches(wanted: list[str]) -> Iterator[pl.DataFrame]:
        chosen = {name: names.index(name) for name in wanted}
        while rows := cursor.fetchmany(ROWS):
            yield of_tuples(rows, chosen)

    return Cursor(names, batches, cursor.close)
