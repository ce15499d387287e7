"""Files of interactions and of titles, and the folders that ``fullrank data split`` writes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from fullrank.data import Interactions, Split
from fullrank.data.columns import Columns, Format
from fullrank.data.ids import Ids
from fullrank.data.loading import load
from fullrank.data.readers import read, read_titles
from fullrank.data.readers.formats import NAMES
from fullrank.data.split_folder import PARTS, SUMMARY
from fuzzing import made
from fuzzing.choices import Choices

FORMATS: tuple[Format | None, ...] = (
    *(
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        "csv",
        "tsv",
        "recbole",
        "movielens",
        "adjacency",
        "parquet",
    ),
    "arrow",
)
COLUMNS = ("user_id", "item_id", "weight", "timestamp", "rating", "u1", "")
TITLES = ("id", "title", "item_id", "name", "user_id", "")
SEPARATORS = (None, None, ",", "\t", ";", "::", " ", "|", "\x1f", "tab", "a", ".")
NAMED = (
    None,
    ("user_id", "item_id"),
    ("user_id", "item_id", "_", "timestamp"),
    ("user_id", "item_id", "weight", "timestamp"),
    ("_", "item_id", "user_id"),
    ("user_id", "user_id"),
)
DATE_FORMATS = (None, None, None, "%d/%m/%Y", "%Y", "%", "x", "%Q", "%s", "%Y-%m-%dT%H:%M:%S%z")
COLUMNAR = (".parquet", ".pq", ".arrow", ".ipc", ".feather")
OPTIONS = 24
"""Bytes that choose how to read a file that is there as it is."""
ROWS = (
    "user_id{0}item_id{0}weight{0}timestamp\nu1{0}i1{0}1{0}1600000000\n"
    "u1{0}i2{0}2.5{0}1600000001\nu2{0}i1{0}4{0}1600000002\n"
)
"""A whole file, to be written with a separator."""


def reading(data: bytes, folder: Path) -> None:
    """A file of any format, read with any options, and divided as any split does."""
    c = Choices(data)
    path, c = _file(c, folder, NAMES, COLUMNS)
    columns = _columns(c)
    if c.flag(4):
        check_split(load(path, columns=columns, how=c.pick(("random", "time", "last"))))
    else:
        check(read(path, columns=columns, format=c.pick(FORMATS)))


def titles(data: bytes, folder: Path) -> None:
    """A file of titles, given to ids of its own or of others."""
    c = Choices(data)
    path, c = _file(c, folder, NAMES, TITLES)
    named = [c.pick((None, None, None, *TITLES)) for _ in range(2)]
    table = read_titles(path, id_column=named[0], title_column=named[1], format=c.pick(FORMATS))
    assert table.columns == ["id", "title"]
    ids = Ids.of(table["id"]) if c.flag() else Ids(["i1", "i2", "7"])
    with_titles = ids.with_titles(table)
    assert with_titles.titles is not None
    assert len(with_titles.titles) == len(ids)


def split_folder(data: bytes, folder: Path) -> None:
    """A folder as ``fullrank data split`` writes it, with parts that are strange or missing."""
    c = Choices(data)
    inside, validation = folder / "split", c.pick((0.1, 0.0, 0.5, 0.99))
    inside.mkdir(exist_ok=True)
    for left in inside.iterdir():
        left.unlink()
    for at, name in enumerate(PARTS):
        if at and c.flag(4):
            continue
        content = made.parquet(c, made.frame(c, COLUMNS[:4]))
        (inside / f"{name}.parquet").write_bytes(content)
    if c.flag():
        how = {"kind": c.pick(("folder", "time", 3, None)), c.pick(made.TEXTS): c.pick(made.TEXTS)}
        summary: Any = {
            "name": c.pick((*made.TEXTS, 1, None, [])),
            "how": c.pick((how, how, [], 1)),
        }
        text = c.rest() if c.flag() else json.dumps(summary).encode()
        (inside / SUMMARY).write_bytes(text)
    check_split(load(inside, validation=validation, seed=1))


def check_split(split: Split) -> None:
    """What a split of a file must be."""
    check(split.train)
    for part in (split.validation, split.test):
        if part is not None:
            check(part)
            assert part.users == split.train.users
            assert part.items == split.train.items


def check(data: Interactions) -> None:
    """What every `Interactions` must be: in range, in order, finite."""
    assert data.n_users == len(data.users)
    assert data.indptr[0] == 0
    assert data.indptr[-1] == len(data)
    assert (np.diff(data.indptr) >= 0).all()
    if len(data):
        assert data.item_idx.min() >= 0
        assert data.item_idx.max() < data.n_items
    steps = np.diff(data.item_idx.astype(np.int64))
    assert (steps[np.diff(data.user_idx) == 0] > 0).all()
    if data.weight is not None:
        assert (np.isfinite(data.weight) & (data.weight > 0)).all()
    if data.timestamp is not None:
        assert np.isfinite(data.timestamp).all()
    assert data.users.values.n_unique() == len(data.users)


def seeds_of_splits() -> Iterator[bytes]:
    """The start of folders."""
    for seed in range(40):
        yield bytes((seed * 41 + k * k * 7) % 256 for k in range(250))


def seeds_of_readings() -> Iterator[bytes]:
    """Whole files as they are, of every format."""
    lines = b"u1 i1 i2 i3\nu2 i1 i4\n"
    typed = b"user_id:token\titem_id:token\trating:float\nu1\ti1\t3\nu2\ti1\t4\n"
    for at, name in enumerate(NAMES):
        plain = name.removesuffix(".gz")
        if plain in COLUMNAR:
            for seed in range(6):
                yield bytes([1, at, 0, *((seed * 41 + k * k * 7) % 256 for k in range(160))])
            continue
        content = ROWS.format({".csv": ","}.get(plain, "\t")).encode()
        if plain == ".txt":
            content = lines
        elif plain in (".inter", ".item"):
            content = typed
        elif plain in (".data", ".dat"):
            content = content.partition(b"\n")[2].replace(
                b"\t", b"::" if plain == ".dat" else b"\t"
            )
        yield bytes([0, at, 0]) + bytes(OPTIONS) + content


def _file(
    c: Choices, folder: Path, suffixes: tuple[str, ...], names: tuple[str, ...]
) -> tuple[Path, Choices]:
    """Writes a file: the bytes after the options as they are, or a table that is made of choices.

    Parquet and Arrow files are always made here; `columnar` has those of any bytes.

    Returns:
        Its path, and what chooses the options to read it with.
    """
    is_made, suffix, pack = c.flag(), c.pick(suffixes), c.flag(3)
    is_made = is_made or suffix in COLUMNAR
    path = folder / f"file{suffix}"
    options = c if is_made else c.part(OPTIONS)
    content = _table(c, suffix.removesuffix(".gz"), names) if is_made else c.rest()
    packed = suffix.endswith(".gz") or (pack and not is_made)
    path.write_bytes(made.packed(content) if packed else content)
    return path, options


def _table(c: Choices, suffix: str, names: tuple[str, ...]) -> bytes:
    table = made.frame(c, names)
    if suffix in COLUMNAR[:2]:
        return made.parquet(c, table)
    if suffix in COLUMNAR:
        return made.arrow(c, table)
    return made.text(c, table, c.pick((",", "\t", "\t", ";", " ")))


def _columns(c: Choices) -> Columns | None:
    if c.flag():
        return None
    names = c.pick(NAMED)
    return Columns(
        user=c.pick((*["user_id"] * 20, *COLUMNS)),
        item=c.pick((*["item_id"] * 20, *COLUMNS)),
        weight=c.pick((None, None, "weight", "rating", "timestamp")),
        timestamp=c.pick((None, None, "timestamp", "weight")),
        threshold=c.pick((None, None, None, 2.0, 0.0, -1.0, 1e300)),
        timestamp_format=c.pick(DATE_FORMATS),
        format=c.pick(FORMATS),
        separator=c.pick(SEPARATORS),
        header=names is None and not c.flag(8),
        names=names,
        quotes=not c.flag(4),
    )
