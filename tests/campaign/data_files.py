"""Mutated data files of every format: one clear line, or a reading that says what it read."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path

from batches import Case, Wrong
from batches import run as run_batches
from children import call, command
from common import Setting, Tally
from mutations import often_damaged

CASES = 5200
LIMIT = csv.field_size_limit()
"""Characters of a field, which the reader must have as usual."""


def write_bases(folder: Path) -> None:
    """A small whole file of each format."""
    import polars as pl

    rng = random.Random(3)
    rows = sorted({(rng.randrange(30), rng.randrange(25)) for _ in range(200)})
    frame = pl.DataFrame({
        "user_id": [f"u{user}" for user, _ in rows],
        "item_id": [f"{item:03d}" for _, item in rows],
        "weight": [float(rng.randrange(1, 6)) for _ in rows],
        "timestamp": [1_600_000_000 + rng.randrange(10**6) for _ in rows],
    })  # fmt: skip
    numbers = frame.with_columns(
        user_id=frame["user_id"].str.slice(1).cast(pl.Int64),
        item_id=frame["item_id"].cast(pl.Int32),
        timestamp=pl.from_epoch(frame["timestamp"]),
    )
    frame.write_csv(folder / "a.csv")
    frame.write_csv(folder / "a.tsv", separator="\t")
    (folder / "a.csv.gz").write_bytes(gzip.compress((folder / "a.csv").read_bytes(), mtime=0))
    frame.write_parquet(folder / "a.parquet", compression="uncompressed")
    numbers.write_parquet(folder / "b.parquet", compression="zstd")
    numbers.write_parquet(folder / "c.parquet", compression="snappy")
    frame.write_ipc(folder / "a.arrow")
    numbers.write_ipc(folder / "b.arrow", compression="zstd")
    words = numbers.with_columns(pl.col("user_id").cast(pl.String).cast(pl.Categorical))
    words.write_ipc(folder / "c.arrow", compression="lz4")
    types = {"user_id": "token", "item_id": "token", "weight": "float", "timestamp": "float"}
    typed = frame.rename({name: f"{name}:{kind}" for name, kind in types.items()})
    typed.write_csv(folder / "a.inter", separator="\t", quote_style="never")
    numbers.drop("timestamp").write_csv(folder / "u.data", separator="\t", include_header=False)
    lists: dict[int, list[str]] = {}
    for user, item in rows:
        lists.setdefault(user, []).append(str(item))
    text = "".join(f"{user} {' '.join(items)}\n" for user, items in lists.items())
    (folder / "a.txt").write_text(text, encoding="utf-8")


def make(setting: Setting, bases: dict[str, bytes], number: int, folder: Path) -> Path:
    """Writes the file of a case."""
    rng = setting.rng("data", number)
    name, others = list(bases)[number % len(bases)], list(bases.values())
    if name.endswith(".gz") and rng.random() < 0.5:  # damage inside a whole gzip file
        inner, did = often_damaged(gzip.decompress(bases[name]), rng, others)
        data, did = gzip.compress(inner, mtime=0), f"inside: {did}"
    else:
        data, did = often_damaged(bases[name], rng, others)
    path = folder / name
    path.write_bytes(data)
    (folder / "what").write_text(did, encoding="utf-8")
    return path


def attempt(path: Path) -> str:
    """``fullrank data describe`` on a file."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with redirect_stdout(out), redirect_stderr(err):
        try:
            command("data", "describe", path, "--json")()
        except SystemExit as left:
            code = int(left.code or 0)
    lines = err.getvalue().splitlines()
    if code != 0:
        if code == 2 and len(lines) == 1 and lines[0].startswith("error: "):
            return "refused"
        raise Wrong(f"unclear: code {code}, {len(lines)} lines: {err.getvalue()[-200:]}")
    counted = json.loads(out.getvalue())["interactions"]
    if counted < 1:
        raise Wrong("read, but nothing in it")
    if path.name in ("a.csv", "a.tsv"):
        same_as_plainly_read(path, counted)
    return "read"


def same_as_plainly_read(path: Path, counted: int) -> None:
    """Whether as many pairs were read as the standard library's parser finds in the file."""
    text = path.read_bytes().decode("utf-8-sig")
    separator = "\t" if path.suffix == ".tsv" else ","
    csv.field_size_limit(len(text) + 1)
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        rows.fieldnames = [name.strip() for name in rows.fieldnames or ()]  # as the docs say
        kept = [row for row in rows if "".join(filter(None, row.values())).strip()]
        pairs = {(row["user_id"], row["item_id"]) for row in kept if weight_of(row) != 0}
    except (csv.Error, KeyError, TypeError, ValueError):
        raise Wrong("read what the standard library's parser refuses") from None
    finally:
        csv.field_size_limit(LIMIT)
    if len(pairs) != counted:
        raise Wrong(f"read {counted} pairs where the standard library finds {len(pairs)}")


def weight_of(row: dict[str, str]) -> float:
    """The weight of a row, 1 where there is none."""
    value = row.get("weight")
    return float(value) if value else 1.0


def run(setting: Setting) -> Tally:
    """Damaged files of every format."""
    folder = setting.work / "bases"
    folder.mkdir()
    done = call(lambda: write_bases(folder))  # in a child, for it starts threads
    assert done.code == 0, done.err
    bases = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    cases = [
        Case(list(bases)[number % len(bases)], partial(make, setting, bases, number))
        for number in range(setting.count(CASES))
    ]
    return run_batches(setting, Tally("mutated data files"), cases, attempt)
