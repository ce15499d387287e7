"""Damage to files and folders of data, and to standard input."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

from mutations import often_damaged
from shops import CHECKED, PACK, Row, Shop, text_of, write_part, zipped


def spoil_file(made: Shop, path: Path, rng: random.Random) -> None:
    """Damages a file of text, or puts something else in its place."""
    data, checked = path.read_bytes(), path.suffix[1:] in CHECKED
    how = rng.choice((*["bytes"] * 3, "cut", "inside", "members", "twice", "suffix", "place"))
    made.did, made.expected = how, "any"
    if how == "bytes":
        path.write_bytes(often_damaged(data, rng, [data])[0])
        made.expected = "either" if checked else "any"
    elif how == "cut":
        path.write_bytes(data[: rng.randrange(len(data))])
        made.expected = "refused" if checked else "any"
    elif how == "inside":
        whole = often_damaged(text_of(made.rows, "csv", made.columns), rng, [data])[0]
        path.with_name("in.csv.gz").write_bytes(PACK["gz"](whole))
        made.data = str(path.with_name("in.csv.gz"))
    elif how == "members":
        made.data, made.expected = str(path.with_name("m.csv.zip")), "refused"
        text = text_of(made.rows, "csv", made.columns)
        names = rng.choice([(), ("a.csv", "b.csv"), ("folder/",), ("a.csv", "x/b.csv")])
        whole = bytearray(zipped(text, *names))
        if not names or rng.random() < 0.3:  # one file, behind a password that is not there
            whole = bytearray(zipped(text, "a.csv"))
            for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
                whole[whole.index(mark) + at] |= 1
        Path(made.data).write_bytes(whole)
    elif how == "twice":
        made.data = str(path.with_name("t.csv.gz"))
        Path(made.data).write_bytes(PACK["gz"](PACK[rng.choice(list(PACK))](data)))
        made.expected = "refused"
    elif how == "suffix":
        kind = next(each for each in ("csv", "tsv", "ndjson") if f".{each}" in path.name)
        made.data = str(path.with_name(f"s.{kind}.{rng.choice(list(PACK))}"))
        path.rename(made.data)
        made.expected = "equal"
    else:
        in_its_place(made, path, rng)


def in_its_place(made: Shop, path: Path, rng: random.Random) -> None:
    """Something that is no file of data."""
    path.unlink()
    what = rng.choice(
        ("nothing", "folder", "loop", "dangling", "pipe", "empty", "device", "header")
    )
    made.did, made.expected = what, "refused"
    if what == "folder":
        path.mkdir()
    elif what in ("loop", "dangling"):
        path.symlink_to(path.name if what == "loop" else "nowhere")
    elif what == "device":
        path.symlink_to("/dev/null")
    elif what == "pipe":
        os.mkfifo(path)
    elif what == "empty":
        path.touch()
    elif what == "header":
        path.write_text(",".join(made.columns) + "\n", encoding="utf-8")


def spoil_folder(made: Shop, paths: list[Path], rng: random.Random) -> None:
    """Damages one part of several, or puts something beside them."""
    path = rng.choice(sorted(paths)[1:] or paths)
    kind = next(k for k in ("csv.gz", "ndjson.zst", "parquet", "arrow", "csv", "tsv", "ndjson")
                if path.name.endswith(k))  # fmt: skip
    inside = [n for n in made.columns if f"{n}=" not in str(path.parent)]
    folders = [each.partition("=") for each in path.parent.parts if "=" in each]
    row = made.rows[0] | {
        name: unquote(value) for name, _, value in folders if name in made.columns
    }
    base = Path(made.data.partition("/**")[0])
    how = rng.choice(FOLDER)
    made.did, made.expected = how, "refused"
    beside = path.with_name(f"zz.{kind}")
    if how in ANOTHER:
        another_part(how, made, row, beside, inside)
    elif how == "damaged":
        path.write_bytes(often_damaged(path.read_bytes(), rng, [b"x"])[0])
        made.expected = "either" if kind == "csv.gz" else "any"
    elif how == "header" and kind in ("csv", "tsv", "csv.gz"):
        data = text_of([], kind.partition(".")[0], inside)
        beside.write_bytes(PACK["gz"](data) if kind == "csv.gz" else data)
        made.expected = "equal"
    elif how == "empty":
        beside.touch()
    elif how == "dangling":
        beside.symlink_to("nowhere")
    elif how == "unread":
        path.chmod(0)
        made.expected = "equal" if os.geteuid() == 0 else "refused"
    else:
        made.expected = "equal"
        harmless(how, made, base, path, beside)


def another_part(how: str, made: Shop, row: Row, beside: Path, inside: list[str]) -> None:
    """Puts a file of another schema beside the parts."""
    kind = beside.name.removeprefix("zz.")
    if how == "lacks":
        write_part(beside, kind, [row], inside[1:] if inside[0] == "user_id" else inside[:-1])
        if inside[0] != "user_id" and inside[-1] not in ("weight", "timestamp", "item_id"):
            made.expected = "any"
    elif how == "more":
        more = row | {"colour": "red"}
        write_part(beside, kind, [more], [*inside, "colour"])
        made.rows.append(dict(row))
        made.expected = "equal"
    elif how == "weight":
        write_part(beside, kind, [row | {"weight": 1.0}], [*inside, "weight"])
        made.expected = "refused" if "weight" not in inside else "any"
    elif how == "type":
        other = "12" if isinstance(row["user_id"], int) else 12
        write_part(beside, kind, [row | {"user_id": other}], inside)
        text = kind.startswith(("csv", "tsv"))
        made.expected = "any" if text or "user_id" not in inside else "refused"
    elif how == "format":
        wrong = beside.with_name("zz.parquet" if kind != "parquet" else "zz.csv")
        write_part(wrong, wrong.suffix[1:], [row], inside)
        made.expected = "refused" if "**" not in made.data else "equal"


ANOTHER = ("lacks", "more", "weight", "type", "format")
FOLDER = (
    *ANOTHER, "damaged", "damaged", "header", "empty",
    "dangling", "unread", "loop", "again", "folder", "linked", "pipe",
)  # fmt: skip


def harmless(how: str, made: Shop, base: Path, path: Path, beside: Path) -> None:
    """What must not change what is read."""
    made.did = how
    if how == "loop":
        (base / "loop").symlink_to(base, target_is_directory=True)
    elif how == "again":  # the same file by two names
        beside.symlink_to(path)
    elif how == "folder":
        beside.mkdir()
    elif how == "linked":
        own = path.with_name("zz-real")
        path.rename(own)
        path.symlink_to(own)
    elif how == "pipe":
        os.mkfifo(beside)


def spoil_stdin(made: Shop, rng: random.Random) -> None:
    """Other bytes on standard input."""
    data = made.stdin or b""
    made.did, made.expected = "bytes", "any"
    how: list[Callable[[], bytes]] = [
        lambda: b"", lambda: b"\n" * 100, lambda: rng.randbytes(300),
        lambda: often_damaged(data, rng, [data])[0], lambda: data[: rng.randrange(len(data))],
        lambda: ",".join(made.columns).encode(),
    ]  # fmt: skip
    made.stdin = rng.choice(how)()
    if rng.random() < 0.2:
        made.options["--format"] = rng.choice(("adjacency", "movielens", "recbole", "parquet", "x"))
