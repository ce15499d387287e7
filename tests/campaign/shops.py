"""Small random shops, what is known of their interactions in plain Python, and where they lie."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import random
import sqlite3
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

Row = dict[str, Any]
FIELDS = ("user_id", "item_id", "kind", "weight", "timestamp")
KINDS = ("view", "cart", "purchase", "dislike", "hover")
WEIGHTS = {"view": 1.0, "cart": 3.0, "purchase": 10.0, "dislike": -1.0, "other": 0.5}
TEXTS = ("csv", "tsv", "ndjson")
PACKINGS = ("gz", "bz2", "xz", "zst", "zip")
CHECKED = ("gz", "bz2", "xz", "zip")
"""Packings that know when they are damaged."""
NAMES = (
    "orders", "my orders", "Bestellungen ü", "注文", "a\nb", "orders[1]", "o*", "50%25", "-x",
    "'; drop", "a=b", "\u202eabc", "q?", "{x}", "tab\there",
)  # fmt: skip
"""What files and folders may be called."""
DAY = 86_400


@dataclass
class Shop:
    """A table of interactions and how it is to be read.

    Args:
        rows: With the columns that the files have.
        options: Options of a command that reads them.
    """

    rows: list[Row]
    options: dict[str, str] = field(default_factory=dict)
    data: str = ""
    """What the command is given as DATA."""
    stdin: bytes | None = None
    expected: str = "equal"
    """``equal``, ``refused``, ``either`` of these, or ``any``thing that is clean."""
    secret: str = ""
    """What nothing printed may hold."""
    did: str = ""

    @property
    def columns(self) -> list[str]:
        """The columns of the table, in order."""
        return list(self.rows[0])

    def truth(self) -> tuple[dict[tuple[str, str], tuple[float, int | None]], set[Any]]:
        """Weight and first time of each pair, and the pairs never to show, row by row."""
        given = self.options.get("--event-weights")
        pairs_given = [] if given is None else [each.split("=") for each in given.split(",")]
        weights = {kind: float(weight) for kind, weight in pairs_given}
        half = self.options.get("--half-life")
        newest = max((row.get("timestamp", 0) for row in self.rows), default=0)
        pairs: dict[tuple[str, str], tuple[float, int | None]] = {}
        never, found = set(), []
        for row in self.rows:
            weight = float(row.get("weight", 1.0))
            if weights:
                weight *= weights.get(row["kind"], weights.get("other", 0.0))
            if half is not None and weight > 0:
                age = (newest - row["timestamp"]) / DAY
                weight = max(weight * 2 ** (-age / float(half[:-1])), 1.17549435e-38)
            pair = (str(row["user_id"]), str(row["item_id"]))
            found.append((pair, weight, row.get("timestamp")))
            if weight < 0:
                never.add(pair)
        for pair, weight, time in found:
            if weight > 0 and pair not in never:
                before, first = pairs.get(pair, (0.0, time))
                pairs[pair] = (before + weight, time if first is None else min(first, time))
        return pairs, never


def shop(rng: random.Random) -> Shop:
    """Some interactions of users whose ids are text or numbers, with or without the rest."""
    numbers, odd = rng.random() < 0.3, rng.random() < 0.3
    users: list[Any] = list(range(1, 13)) if numbers else [f"u{each}" for each in range(12)]
    if odd and not numbers:
        users += ["é", "a b", "x,y", 'say "hi"', "名", "0", "007", "null", "NaN", "a|b"]
    extra = [name for name in FIELDS[2:] if rng.random() < 0.5]
    rows: list[Row] = []
    for _ in range(rng.choice((8, 30, 80))):
        row: Row = {"user_id": rng.choice(users), "item_id": f"i{rng.randrange(15)}"}
        row |= {"kind": rng.choice(KINDS)} if "kind" in extra else {}
        row |= {"weight": rng.choice((0.0, 0.5, 1.0, 4.0))} if "weight" in extra else {}
        row |= (
            {"timestamp": 1_700_000_000 + rng.randrange(90 * DAY)} if "timestamp" in extra else {}
        )
        rows.append(row)
    rows.append(rows[-1] | ({"weight": 2.0} if "weight" in extra else {}))
    if "kind" in extra:
        rows.append(rows[-1] | {"user_id": users[0], "item_id": "i99", "kind": "cart"})
    made = Shop(rows)
    if "kind" in extra and rng.random() < 0.8:
        made.options["--event-column"] = "kind"
        made.options["--event-weights"] = ",".join(f"{k}={w:g}" for k, w in WEIGHTS.items())
    if "timestamp" in extra and rng.random() < 0.5:
        made.options["--half-life"] = rng.choice(("1d", "30d", "90d", "7000d"))
    return made


def text_of(rows: list[Row], kind: str, columns: list[str]) -> bytes:
    """Rows as text of a format."""
    out = io.StringIO()
    if kind == "ndjson":
        return "".join(
            json.dumps({name: row[name] for name in columns}) + "\n" for row in rows
        ).encode()
    writer = csv.DictWriter(
        out,
        columns,
        delimiter="\t" if kind == "tsv" else ",",
        lineterminator="\n",
        extrasaction="ignore",
    )
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def zipped(data: bytes, *names: str) -> bytes:
    """A zip file with the same bytes under each name."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, b"" if name.endswith("/") else data)
    return file.getvalue()


def _zstd(data: bytes) -> bytes:
    import zstandard

    return zstandard.ZstdCompressor().compress(data)


PACK: dict[str, Callable[[bytes], bytes]] = {
    "gz": lambda data: gzip.compress(data, mtime=0),
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": _zstd,
    "zip": lambda data: zipped(data, "inner.csv"),
}


def one_file(made: Shop, folder: Path, rng: random.Random) -> Path:
    """The shop as one file of text, mostly packed, and in several streams at times."""
    kind, packing = rng.choice(TEXTS), rng.choice((*PACKINGS, ""))
    data = text_of(made.rows, kind, made.columns)
    suffix = f".{kind}" + (f".{packing}" if packing else "")
    if packing and packing != "zip" and rng.random() < 0.3:
        half = data.index(b"\n", len(data) // 2) + 1
        data = PACK[packing](data[:half]) + PACK[packing](data[half:])
    elif packing:
        data = PACK[packing](data)
    path = folder / f"{rng.choice(NAMES)}{suffix}"
    path.write_bytes(data)
    made.data = str(path)
    return path


def many_files(made: Shop, folder: Path, rng: random.Random) -> list[Path]:
    """The shop as a folder of parts, flat, in folders, or by the values of a column as Hive has it.

    The folder is DATA, or a pattern of its files.
    """
    kinds = (*TEXTS, *TEXTS, "csv.gz", "ndjson.zst", "parquet", "arrow")
    kind = rng.choice(kinds)
    base = folder / rng.choice([name for name in NAMES if "=" not in name])
    by = rng.choice([None, None, "item_id", *(["kind"] if "kind" in made.columns else [])])
    groups: dict[str, list[Row]] = {}
    for row in made.rows:
        inside = rng.choice(("", "", "x", "x/y"))
        if by is not None:
            inside = f"{by}={quote(str(row[by]), safe='')}"
        groups.setdefault(inside, []).append(row)
    columns, paths = [name for name in made.columns if name != by], []
    for inside, rows in groups.items():
        cut = rng.randrange(len(rows) + 1)
        for number, part in enumerate((rows[:cut], rows[cut:])):
            if part:
                path = base / inside / f"{rng.choice(NAMES)}-{number}.{kind}"
                path.parent.mkdir(parents=True, exist_ok=True)
                write_part(path, kind, part, columns)
                paths.append(path)
    if rng.random() < 0.3:  # what other programs leave beside data
        (base / "_SUCCESS").touch()
        (base / f".hidden.{kind}").write_bytes(b"x")
    made.data = str(base)
    if rng.random() < 0.4 and not set(str(base)) & set("*?["):
        made.data = f"{base}/**/*.{kind}"
    return paths


def write_part(path: Path, kind: str, rows: list[Row], columns: list[str]) -> None:
    """One file of several."""
    import polars as pl

    frame = pl.DataFrame([{name: row[name] for name in columns} for row in rows])
    if kind == "parquet":
        frame.write_parquet(path)
    elif kind == "arrow":
        frame.write_ipc(path)
    else:
        text, _, packing = kind.partition(".")
        data = text_of(rows, text, columns)
        path.write_bytes(PACK[packing](data) if packing else data)


def database(made: Shop, folder: Path, rng: random.Random) -> Path:
    """The shop in a table of SQLite or DuckDB, read as a table, a view or by a query."""
    kind = rng.choice(("sqlite", "sqlite", "duckdb"))
    path = folder / f"{rng.choice(NAMES)}.{rng.choice(('db', 'csv', 'x y'))}"
    table = rng.choice(("orders", "my orders", 'or"ders', "öl", "select", "t"))
    number = isinstance(made.rows[0]["user_id"], int)
    types = dict(zip(FIELDS, ("bigint" if number else "text", *("text",) * 2, "double", "bigint"),
                     strict=True))  # fmt: skip
    named = '"' + table.replace('"', '""') + '"'
    columns = ", ".join(f"{name} {types[name]}" for name in made.columns)
    marks = ", ".join("?" * len(made.columns))
    rows = [tuple(row.values()) for row in made.rows]
    connection = connected(kind, path)
    connection.execute(f"create table {named} ({columns})")
    connection.executemany(f"insert into {named} values ({marks})", rows)
    connection.execute(f"create view seen as select * from {named}")
    connection.commit()
    connection.close()
    how = rng.choice(("table", "view", "query", "query"))
    if how == "query":
        ends = rng.choice(("", ";", " ; ", "\n", " -- all\n" if kind == "sqlite" else ""))
        made.options["--query"] = f"select {', '.join(made.columns)} from {named}{ends}"
    else:
        made.options["--table"] = table if how == "table" else "seen"
    made.data = rng.choice((str(path), f"{kind}:{path}"))
    return path


def connected(kind: str, path: Path) -> Any:
    """A connection that writes."""
    if kind == "sqlite":
        return sqlite3.connect(path)
    import duckdb

    return duckdb.connect(str(path), config={"threads": 1})


def is_sqlite(path: Path) -> bool:
    """Whether a database is one of SQLite."""
    return path.read_bytes()[:6] == b"SQLite"
