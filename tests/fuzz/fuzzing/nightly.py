"""What a nightly run and its service read: rules, packed text, lines of JSON, databases."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl

from fullrank.data.columns import Columns
from fullrank.data.ids import Ids
from fullrank.data.readers import read
from fullrank.data.readers.packed import unpacked
from fullrank.errors import DataError
from fullrank.rules.bound import Bound
from fullrank.rules.description import Rules
from fullrank.rules.expression import parsed
from fullrank.rules.filtering import passing
from fullrank.service import messages
from fuzzing import made
from fuzzing.choices import Choices
from fuzzing.packings import PACK
from fuzzing.tables import ROWS, check

WORDS = (
    *("price", "brand", "available", "categories", '"ü x"', "and", "or", "not", "in", "is", "null"),
    *("(", ")", ",", "=", "!=", "<>", "<", "<=", ">", ">=", "true", "false", "'a'", "'it''s'", "5"),
    *("-1.5e3", ".5", "1e309", "'", '"', ";", "--", "nothing", "\u2028", "é", "\x00", "9" * 40),
)
REQUESTS: tuple[Any, ...] = (
    *(messages.RecommendRequest, messages.SessionRequest, messages.SimilarRequest),
    messages.ExplainRequest,
)
DOCUMENTS: tuple[dict[str, Any], ...] = (
    {"deny": ["i1", 2, "x"], "pool": 7, "seed": 2**63 - 1},
    {"allow": ["i1", "i2"], "where": "available and price < 20", "diversity": 0.5},
    {"allow_per_user": {"u1": ["i1"]}, "deny_per_user": {"u2": ["i2", "i3"]}},
    {"at_most": {"categories": 2, "brand": 1}, "calibration": 0.4, "calibrate_by": "brand"},
    {"exploration": 0.3, "popularity_damping": 2.5, "at_most": {}},
)
DAMAGED = 3
"""One file in so many is damaged after it was packed."""


@cache
def items() -> Ids:
    """Five items with an attribute of each kind."""
    table = pl.DataFrame(
        {
            "id": ["i1", "i2", "i3", "7", "é"],
            "price": [None, 5.0, 20.0, -1.0, 0.0],
            "brand": ["a", None, "it's", "", "é"],
            "available": [True, False, None, True, True],
            "categories": [["a"], [], None, ["a", "b"], ["é"]],
            "ü x": ["1", "2", None, "", "x"],
        }
    )
    return Ids(table["id"]).with_attributes(table)


def rules(data: bytes, folder: Path) -> None:
    """A file of rules, of the bytes or of a document with a part of them, bound to items."""
    c = Choices(data)
    if c.flag():
        document = dict(c.pick(DOCUMENTS))
        name = c.pick(tuple(Rules.model_fields))
        value: Any = c.pick((*made.NUMBERS, *made.TEXTS, [], {}, None, True, [["i1"]]))
        if c.flag():
            value = [value] if c.flag() else {"u1": [value]}
        document[name] = value
        content = json.dumps(document).encode("utf-8", "surrogatepass")
    else:
        content = c.rest()
    path = folder / "rules.json"
    path.write_bytes(content)
    read_rules = Rules.read(path)
    assert Rules.from_json(read_rules.to_json()) == read_rules
    bound = Bound.of(read_rules, items(), strict=False)
    if bound.candidates is not None:
        assert bound.candidates.shape == (5,)
        assert bound.candidates.any()


def filters(data: bytes, folder: Path) -> None:
    """An expression, of the bytes or of words: each parse has the same truth as its opposite's."""
    del folder
    c = Choices(data)
    if c.flag():
        text = c.pick((" ", "", "\n")).join(c.pick(WORDS) for _ in range(c.below(30)))
    else:
        text = c.rest().decode("utf-8", "surrogateescape")
    parsed(text)
    table = items().attributes
    found = passing(text, table)
    assert found.dtype == np.bool_
    assert found.shape == (5,)
    if len(text) < 1000 and text.count("(") + text.lower().count("not") < 40:
        opposite = passing(f"not ({text})", table)
        assert not (found & opposite).any()
        assert (passing(f"({text}) and ({text})", table) == found).all()


def packed_text(data: bytes, folder: Path) -> None:
    """Packed text, damaged at times: what comes out of a whole one is what went in."""
    c = Choices(data)
    kind, damage, at = c.pick(list(PACK)), c.flag(DAMAGED), c.below(1000)
    text = c.rest()
    content = bytearray(PACK[kind](text))
    if damage:
        content[at % len(content)] ^= 1 + at % 255
    path = folder / "file"
    path.write_bytes(bytes(content))
    found = unpacked(path)
    if not damage:
        assert found == text
    elif kind in ("gz", "bz2", "xz") and isinstance(found, bytes):
        assert found == text, "a checksum did not hold"


def lines(data: bytes, folder: Path) -> None:
    """A file of lines of JSON: the bytes, or objects with strange values."""
    c = Choices(data)
    path = folder / "file.ndjson"
    if c.flag():
        rows = []
        for _ in range(1 + c.below(6)):
            row: dict[str, Any] = {
                "user_id": c.pick(("u1", "u2", 3)),
                "item_id": c.pick(("a", "b")),
            }
            name = c.pick(("user_id", "item_id", "weight", "timestamp", "x", ""))
            row[name] = c.pick((*made.TEXTS, *made.NUMBERS, None, [], [1], {}, {"a": []}, True))
            rows.append(json.dumps(row) + c.pick(("\n", "\n", "\r\n", "\n\n", " \n", "")))
        path.write_bytes("".join(rows).encode("utf-8", "surrogatepass"))
    else:
        path.write_bytes(c.rest())
    check(read(path))


def queries(data: bytes, folder: Path) -> None:
    """A query of SQLite: the bytes, or columns with a strange value; nothing else is written."""
    c = Choices(data)
    path = folder / "shop.db"
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("create table t (user_id, item_id, weight, timestamp)")
        for _ in range(1 + c.below(5)):
            row: list[Any] = [c.pick(("u1", "u2", "u3")), c.pick(("a", "b")), 1.0, 1_700_000_000]
            if c.flag(3):
                values: tuple[Any, ...] = (*made.TEXTS, *made.NUMBERS, None, b"\x00\xff")
                row[c.below(4)] = c.pick(values)
            connection.execute("insert into t values (?, ?, ?, ?)", row)
    before = path.read_bytes()
    columns = Columns(table="t")
    if c.flag():
        columns = Columns(query=c.rest().decode("utf-8", "surrogateescape"))
    try:
        check(read(path, columns=columns))
    finally:
        assert path.read_bytes() == before
        assert [each.name for each in folder.iterdir() if each.name != "file"] == ["shop.db"]


def requests(data: bytes, folder: Path) -> None:
    """The body of a request, as a service decodes it, and the rules that it may have."""
    del folder
    c = Choices(data)
    kind = c.pick(REQUESTS)
    try:
        request = msgspec.json.decode(c.rest(), type=kind)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise DataError("body", str(error), "a request") from None
    msgspec.json.encode(request)
    for name in ("users", "items", "allow", "deny"):
        ids = getattr(request, name, None)
        if ids:
            rows = items().rows(ids)
            assert ((rows >= -1) & (rows < 5)).all()
    if getattr(request, "rules", None) is not None:
        Bound.of(Rules.from_json(request.rules), items(), strict=False)


def seeds_of_rules() -> Iterator[bytes]:
    """Whole documents, and choices of strange ones."""
    for each in DOCUMENTS:
        yield b"\x00" + json.dumps(each).encode()
    yield from _choices(60, 0x01)


def seeds_of_filters() -> Iterator[bytes]:
    """Whole expressions, and choices of words."""
    for text in (
        "available and price < 20", "brand in ('a', 'it''s') or not categories = 'a'",
        '("ü x" is not null) and price >= -1e3', "not (available = false or brand <> 'é')",
    ):  # fmt: skip
        yield b"\x00" + text.encode()
    yield from _choices(60, 0x01)


def seeds_of_packed() -> Iterator[bytes]:
    """Text in every packing, whole and damaged."""
    for kind in range(len(PACK)):
        for damage in (0, DAMAGED - 1):
            yield bytes([kind, damage, 40 + kind, 0]) + ROWS.format(",").encode()


def seeds_of_lines() -> Iterator[bytes]:
    """Whole lines, and choices of strange ones."""
    yield b'\x00{"user_id": "u1", "item_id": "a"}\n{"user_id": "u2", "item_id": "a", "weight": 2}\n'
    yield from _choices(60, 0x01)


def seeds_of_queries() -> Iterator[bytes]:
    """Whole queries, and tables of choices."""
    start = bytes([0, 0, 0, 0, 1])
    for query in (
        "select * from t", "select user_id, item_id, count(*) as weight from t group by 1, 2",
        "with a as (select * from t) select a.user_id, b.item_id from a, a b where a.weight > 0;",
    ):  # fmt: skip
        yield start + query.encode()
    yield from _choices(40, 0x01)


def seeds_of_requests() -> Iterator[bytes]:
    """Whole requests of each kind."""
    bodies: tuple[dict[str, Any], ...] = (
        {"users": ["u1", 2], "k": 3, "allow": ["i1"], "exclude": ["train"]},
        {"items": ["i1", "x"], "rules": {"where": "price < 3", "at_most": {"brand": 1}}},
        {"items": ["i1"], "k": 1},
        {"item": "i1", "user": "u1", "most": 3},
    )
    for kind, body in enumerate(bodies):
        yield bytes([kind]) + json.dumps(body).encode()
        for document in DOCUMENTS:
            if kind < 2:
                yield bytes([kind]) + json.dumps(body | {"rules": document}).encode()


def _choices(count: int, first: int) -> Iterator[bytes]:
    for seed in range(count):
        yield bytes([first, *((seed * 41 + k * k * 7) % 256 for k in range(80))])
