"""Tables of items, whole or damaged: the attributes that plain Python finds, or one clear line."""

from __future__ import annotations

import csv
import io
import json
import random
import re
from functools import partial
from pathlib import Path
from typing import Any

from batches import Case, Wrong
from batches import run as run_batches
from children import call
from common import Setting, Tally, events
from mutations import NASTY, often_damaged
from shops import PACK, Shop
from sources import refused, said
from spoiled import in_its_place

CASES = 500
WHOLE = 0.45
KINDS = ("csv", "tsv", "ndjson", "csv.gz", "ndjson.zst", "parquet", "arrow")
NAMES = (
    "price",
    "brand",
    "available",
    "a b",
    "ü",
    "x" * 300,
    "1",
    "is null",
    'q"q',
    "title:x",
    "date",
)
"""Columns beside ``id``, ``title`` and ``tags``, a list."""
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.IGNORECASE)
VALUES: tuple[tuple[Any, ...], ...] = (
    (None, 0.0, 1.5, -3.0, 1e300, 12.0),
    (None, "acme", "it's", "é", "a|b", "007x", "null", "😀", "a,b", 'say "x"'),
    (None, True, False),
)
ODD: tuple[Any, ...] = (
    *(None, "", 2**70, float("nan"), float("inf"), "\x00", "\n", '"', "x" * 100_000, [], [[]], {}),
)
NESTED: tuple[Any, ...] = ({"a": 1}, [{"a": 1}], [[1]], [None, "a"], [1.5], [True], [])
Table = list[dict[str, Any]]


def table_of(rng: random.Random) -> Table:
    """Rows of items, some unknown, some again, each column of one kind."""
    names = rng.sample(NAMES, rng.randrange(5))
    pools = {name: rng.choice(VALUES) for name in names}
    rows = []
    for _ in range(rng.choice((1, 10, 40))):
        row: dict[str, Any] = {"id": f"i{rng.randrange(30)}"}
        row |= {"title": rng.choice((None, "A film", "Ein Ürtitel", "x" * 50))}
        row |= {name: rng.choice(pool) for name, pool in pools.items()}
        row |= {"tags": rng.choice((None, ["a"], ["a", "b c"], ["é"]))}
        rows.append(row)
    return rows


def written(rows: Table, kind: str, path: Path) -> None:
    """A file of the rows."""
    import polars as pl

    text, _, packing = kind.partition(".")
    if kind in ("parquet", "arrow"):
        frame = pl.DataFrame(rows, infer_schema_length=None)
        frame.write_parquet(path) if kind == "parquet" else frame.write_ipc(path)
        return
    if text == "ndjson":
        data = "".join(json.dumps(row) + "\n" for row in rows)
    else:
        out = io.StringIO()
        fields = list(dict.fromkeys(name for row in rows for name in row))
        sheet = csv.DictWriter(out, fields, delimiter="\t" if text == "tsv" else ",")
        sheet.writeheader()
        sheet.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
        data = out.getvalue()
    path.write_bytes(PACK[packing](data.encode()) if packing else data.encode())


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        return "|".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else value


def spoil(rows: Table, rng: random.Random) -> None:
    """Puts something odd into a table."""
    row, name = rng.choice(rows), rng.choice(list(rows[0]))
    how = rng.choice(("null id", "no id", "value", "mixed", "names", "nested", "again"))
    new = rng.choice(("", "id ", "ID", "item_id", "title", "x:number", "\x00", "\n", "title "))
    if how == "null id":
        row["id"] = rng.choice((None, ""))
    elif how == "mixed":
        row[name] = rng.choice((*ODD, 1, "text", True, ["a"]))
    elif how == "again":
        rows.extend(dict(row) for _ in range(3))
    else:
        for each in rows:
            if how == "no id":
                each.pop("id")
            elif how == "names":
                each[new] = each.pop(name)
            else:
                each[name if how == "value" else "more"] = rng.choice(
                    ODD if how == "value" else NESTED
                )


def make(setting: Setting, number: int, folder: Path) -> Path:
    """Writes the table of a case."""
    rng = setting.rng("items", number)
    kind, rows, whole = KINDS[number % len(KINDS)], table_of(rng), rng.random() < WHOLE
    path = folder / f"items.{kind}"
    known: dict[str, Any] = {"path": str(path), "rows": rows if whole else None, "kind": kind}
    how = "whole" if whole else rng.choice(("table", "table", "bytes", "nasty", "place"))
    if how == "table":
        spoil(rows, rng)
    try:
        written(rows, kind, path)
    except Exception:  # a table that the format does not have
        written([{"id": "i1"}], kind, path)
    if how in ("bytes", "nasty"):
        data = path.read_bytes()
        new = often_damaged(data, rng, [data])[0] if how == "bytes" else data + rng.choice(NASTY)
        path.write_bytes(new)
    elif how == "place":
        in_its_place(Shop([{"id": "i1", "title": "x"}]), path, rng)
    (folder / "case.json").write_text(json.dumps(known), encoding="utf-8")
    return folder


def attempt(model: Path, folder: Path) -> str:
    """``fullrank recommend --items``, then the table by Python, and a filter on each column."""
    case = json.loads((folder / "case.json").read_text(encoding="utf-8"))
    words: list[object] = ["recommend", model, "--user", "u1", "--json", "--items", case["path"]]
    code, printed, err = said(words)
    lines = [each for each in err.splitlines() if not each.startswith("option --items, ")]
    if refused(code, "\n".join(lines)):
        if case["rows"] is not None:
            raise Wrong(f"refused: {err[-300:]}")
        return "refused"
    if lines:
        raise Wrong(f"prints {lines[0][:200]}")
    if not json.loads(printed)["recommendations"]:
        raise Wrong("no list")
    import fullrank as fr
    from fullrank.data import read_items

    found = read_items(Path(case["path"]))
    if case["rows"] is not None:
        same(found.to_dicts(), case["rows"], typed=not case["kind"].startswith(("csv", "tsv")))
    again(fr.Recommender.load(model).with_items(found), folder)
    return "read"


def again(model: Any, folder: Path) -> None:
    """Whether a model with the attributes comes back from its folder, and can be asked by each.

    Raises:
        Wrong: it does not, or cannot.
    """
    import fullrank as fr

    model.save(folder / "model")
    back = fr.Recommender.load(folder / "model")
    if not back.items_table.equals(model.items_table):
        raise Wrong("other attributes after a save")
    for name in model.items_table.columns[1:]:
        quoted = '"' + name.replace('"', '""') + '"'
        if name == "":
            continue
        rules = fr.Rules(where=f"{quoted} is null or not {quoted} is null", at_most={name: 99})
        if not len(back.recommend(["u1"], 3, rules=rules)):
            raise Wrong(f"no list by {name!r}")


def same(found: Table, rows: Table, *, typed: bool) -> None:
    """Whether a table of attributes is what the rows say.

    Raises:
        Wrong: it is not.
    """
    for name in rows[0]:
        wanted = [row[name] for row in rows]
        if name == "tags":
            wanted = [own if own is None else [each.strip() for each in own] for own in wanted]
        elif not typed and name not in ("id", "title"):
            wanted = inferred([None if own is None else str(_cell(own)) for own in wanted])
        got = [row.get(name) for row in found]
        if got != wanted and not all(own is None for own in (*got, *wanted)):
            raise Wrong(f"column {name}: {got[:5]}; expected {wanted[:5]}")


def inferred(values: list[str | None]) -> list[Any]:
    """A column of text as true and false, or as numbers, where every value is one."""
    there = [each for each in values if each is not None]
    if there and all(each.lower() in ("true", "false") for each in there):
        return [None if each is None else each.lower() == "true" for each in values]
    if there and all(NUMBER.fullmatch(each) for each in there):
        return [None if each is None else float(each) for each in values]
    return list(values)


def base(folder: Path) -> None:
    """A small model."""
    import fullrank as fr

    data = fr.load(events(folder / "e.csv", users=20, items=24, rows=160), test=0, validation=0)
    fr.Recommender("popularity").fit(data).save(folder / "model")


def run(setting: Setting) -> Tally:
    """Tables of items."""
    folder = setting.work / "base"
    folder.mkdir()
    done = call(lambda: base(folder))  # in a child, for it starts threads
    assert done.code == 0, done.err
    cases = [
        Case(KINDS[number % len(KINDS)], partial(make, setting, number))
        for number in range(setting.count(CASES))
    ]
    return run_batches(setting, Tally("tables of items"), cases, partial(attempt, folder / "model"))
