"""The tables of pgvector loaded into a database, and asked there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fullrank.data.sources.address import ServerURL, kind_of, refuse_unknown, shown
from fullrank.errors import DataError, SettingError
from fullrank.exporting.pgvector import Table, as_vector, index_of, query_of, quoted, tables_of
from fullrank.exporting.settings import ExportSettings
from fullrank.exporting.vectors import Floats, Vectors
from fullrank.exporting.widths import Nearest
from fullrank.extras import library

SECONDS = "10"
"""To wait for a server to answer."""
_STAGE = "fullrank_rows"
_BLOCK = 50_000


class Postgres:
    """A database by its URL, of which messages show no secret.

    Raises:
        SettingError: it is no URL of PostgreSQL, or there is no driver.
    """

    def __init__(self, address: str) -> None:
        if kind_of(address) == "unknown":
            refuse_unknown(address)
        if kind_of(address) != "postgresql":
            raise SettingError(shown(address), "no PostgreSQL", "postgresql://user@host/database")
        self._url = ServerURL(address)
        self.shown = self._url.shown
        self._driver = library("adbc_driver_postgresql.dbapi", "export")
        self._arrow = library("pyarrow", "export")
        if "PGCONNECT_TIMEOUT" not in os.environ:
            self._url.query.setdefault("connect_timeout", SECONDS)

    @contextmanager
    def cursor(self, expected: str) -> Iterator[Any]:
        """A cursor in a transaction that is committed at the end.

        Raises:
            DataError: the server does not answer, or refuses.
        """
        try:
            with (
                closing(self._driver.connect(self._url.url("postgresql"))) as connection,
                closing(connection.cursor()) as cursor,
            ):
                yield cursor
                connection.commit()
        except self._driver.Error as error:
            lines = str(error).strip().splitlines() or [type(error).__name__]
            found = "the answer: " + self._url.scrubbed(lines[0]).strip()
            raise DataError(self.shown, found, expected) from None

    def load(self, vectors: Vectors, settings: ExportSettings) -> None:
        """Makes the tables and the graph anew, in one transaction.

        Raises:
            DataError: the server does not answer, or has no pgvector; its tables are as before.
        """
        expected = "a database with pgvector in which tables can be made"
        with self.cursor(expected) as cursor:
            cursor.execute("CREATE EXTENSION IF NOT EXISTS vector")
            tables = tables_of(vectors, settings)
            for table in tables:
                for statement in table.create:
                    cursor.execute(statement)
                self._fill(cursor, table)
            cursor.execute(index_of(tables[0], settings))

    def _fill(self, cursor: Any, table: Table) -> None:
        """By way of a temporary table, whose arrays of real become vectors."""
        d = table.vectors.shape[1]
        columns = ", ".join([*map(quoted, table.frame.columns), table.column])
        cast = [f"{quoted(name)}::{kind}" for name, kind in table.types.items()]
        chosen = ", ".join([*cast, f"{table.column}::vector"])
        for start in range(0, len(table.frame), _BLOCK):
            block = table.frame[start : start + _BLOCK]
            block = block.with_columns(pl.col(pl.UInt64).cast(pl.String))
            rows = table.vectors[start : start + _BLOCK]
            lists = self._arrow.FixedSizeListArray.from_arrays(rows.ravel(), d)
            plain = lists.cast(self._arrow.list_(self._arrow.float32()))
            staged = block.to_arrow(compat_level=pl.CompatLevel.oldest())
            staged = staged.append_column(table.column.strip('"'), plain)
            cursor.adbc_ingest(_STAGE, staged, mode="create", temporary=True)
            cursor.execute(
                f"INSERT INTO {table.name} ({columns}) "  # noqa: S608  # quoted
                f"SELECT {chosen} FROM pg_temp.{_STAGE}"
            )
            cursor.execute(f"DROP TABLE pg_temp.{_STAGE}")

    @contextmanager
    def searching(self, items: pl.DataFrame, settings: ExportSettings) -> Iterator[Nearest]:
        """What gives the rows of ``items`` nearest to users; -1 for one that is not there.

        Ids compare as text: those of 64 bits without a sign are numeric there.
        """
        table = Table(f"{settings.table}_items", items, np.empty((0, 0), np.float32))
        statement = query_of(table, settings, "$1::text::vector", "$2::bigint")
        ids = items["item_id"]
        row_of = {str(each): row for row, each in enumerate(ids.to_list())}

        with self.cursor("the tables of an export") as cursor:
            cursor.execute(f"SET hnsw.ef_search = {settings.width}")

            def nearest(users: Floats, k: int) -> NDArray[np.int64]:
                found = []
                for user in users:
                    cursor.execute(statement, (as_vector(user), k))
                    found.append([row_of.get(str(each[0]), -1) for each in cursor.fetchall()])
                return np.array(found, dtype=np.int64)

            yield nearest
