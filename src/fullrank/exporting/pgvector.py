"""PostgreSQL with pgvector: a file of SQL with the rows, or the rows straight into a database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import polars as pl

from fullrank.errors import SettingError
from fullrank.exporting.settings import ExportSettings
from fullrank.exporting.vectors import Floats, Vectors

SQL = "items.sql"
_CLASSES = {"ip": "vector_ip_ops", "cosine": "vector_cosine_ops", "l2": "vector_l2_ops"}
OPERATORS = {"ip": "<#>", "cosine": "<=>", "l2": "<->"}
"""Distance of pgvector by metric; ``<#>`` is the inner product with its sign turned."""
MOST = 2000
"""Dimensions that pgvector can index."""
_BLOCK = 5000
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_TYPES: tuple[tuple[Any, str], ...] = (
    (pl.String, "text"),
    (pl.Boolean, "boolean"),
    (pl.UInt64, "numeric"),
    (pl.Float64, "double precision"),
)


def sql_type(dtype: pl.DataType) -> str:
    """PostgreSQL's type for a column; lists of text are arrays."""
    if isinstance(dtype, pl.List):
        return "text[]"
    return next((name for kind, name in _TYPES if dtype == kind), "bigint")


def quoted(name: str) -> str:
    """An identifier."""
    return '"' + name.replace('"', '""') + '"'


class Table:
    """A table of ids, what is known of them and their vectors, as statements."""

    def __init__(self, name: str, frame: pl.DataFrame, vectors: Floats) -> None:
        self.name, self.frame, self.vectors = quoted(name), frame, vectors
        column = "vector"
        while column in frame.columns:
            column += "_"
        self.column = quoted(column)

    @property
    def types(self) -> dict[str, str]:
        """PostgreSQL's type of each column but the vectors."""
        return {name: sql_type(dtype) for name, dtype in self.frame.schema.items()}

    @property
    def create(self) -> list[str]:
        """Statements that make it anew."""
        columns = [f"{quoted(name)} {kind}" for name, kind in self.types.items()]
        columns[0] += " PRIMARY KEY"
        columns.append(f"{self.column} vector({self.vectors.shape[1]}) NOT NULL")
        body = ",\n  ".join(columns)
        return [f"DROP TABLE IF EXISTS {self.name}", f"CREATE TABLE {self.name} (\n  {body}\n)"]

    @property
    def copy(self) -> str:
        """The statement that the rows follow."""
        return f"COPY {self.name} FROM STDIN"

    def rows(self) -> Iterator[str]:
        """Blocks of lines in the text format of COPY."""
        for start in range(0, len(self.frame), _BLOCK):
            block = self.frame[start : start + _BLOCK]
            vectors = self.vectors[start : start + _BLOCK]
            lines = (
                "\t".join([*map(_text, row), as_vector(vector)])
                for row, vector in zip(block.iter_rows(), vectors, strict=True)
            )
            yield "\n".join(lines) + "\n"


def _text(value: Any) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, list):
        inner = ('"' + _escaped(each) + '"' if each is not None else "NULL" for each in value)
        return ("{" + ",".join(inner) + "}").translate(_ESCAPES)
    return str(value).replace("\0", "").translate(_ESCAPES)


def _escaped(text: str) -> str:
    return text.replace("\0", "").replace("\\", "\\\\").replace('"', '\\"')


def as_vector(row: Floats) -> str:
    """Digits that give the same float32 back."""
    return "[" + ",".join(str(each) for each in row) + "]"


def tables_of(vectors: Vectors, settings: ExportSettings) -> tuple[Table, Table]:
    """``NAME_items`` and ``NAME_users``.

    Raises:
        SettingError: the vectors are wider than pgvector can index.
    """
    width = vectors.vectors.shape[1]
    if width > MOST:
        raise SettingError("pgvector", f"vectors of {width} numbers", f"at most {MOST}")
    items = Table(f"{settings.table}_items", vectors.items, vectors.vectors)
    users = Table(f"{settings.table}_users", vectors.user_ids.to_frame(), vectors.users)
    return items, users


def index_of(items: Table, settings: ExportSettings) -> str:
    """The statement that makes the graph."""
    width = max(settings.build_width, 2 * settings.neighbours)  # pgvector asks for that
    return (
        f"CREATE INDEX ON {items.name} USING hnsw ({items.column} {_CLASSES[settings.metric]}) "
        f"WITH (m = {settings.neighbours}, ef_construction = {width})"
    )


def query_of(items: Table, settings: ExportSettings, user: str, k: str) -> str:
    """The statement for the k nearest items of a user's vector."""
    operator = OPERATORS[settings.metric]
    return (
        f"SELECT item_id FROM {items.name} "  # noqa: S608  # quoted
        f"ORDER BY {items.column} {operator} {user} LIMIT {k}"
    )


def write_sql(vectors: Vectors, folder: Path, settings: ExportSettings) -> None:
    """A script for ``psql -1 -v ON_ERROR_STOP=1 -f``, all of it one transaction."""
    items, users = tables_of(vectors, settings)
    user = f"(SELECT {users.column} FROM {users.name} WHERE user_id = :'user')"  # noqa: S608
    with (folder / SQL).open("w", encoding="utf-8", newline="\n") as file:
        file.write(f"-- {vectors.method} by {settings.metric}. The 20 nearest of a user:\n")
        file.write(f"--   SET hnsw.ef_search = {settings.width};\n")
        file.write(f"--   {query_of(items, settings, user, '20')};\n")
        file.write("BEGIN;\nSET client_encoding = 'UTF8';\n")
        file.write("CREATE EXTENSION IF NOT EXISTS vector;\n")
        for table in (items, users):
            for statement in [*table.create, table.copy]:
                file.write(statement + ";\n")
            _write_rows(table, file)
        file.write(index_of(items, settings) + ";\nCOMMIT;\n")


def _write_rows(table: Table, file: IO[str]) -> None:
    for block in table.rows():
        file.write(block)
    file.write("\\.\n")
