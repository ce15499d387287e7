"""Data in every form and place, whole or damaged: what the plain table says, or one clear line."""

from __future__ import annotations

import io
import json
import os
import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import asdict
from functools import partial
from pathlib import Path

from batches import Case, Wrong
from batches import run as run_batches
from children import command
from common import Setting, Tally
from shops import Shop, database, many_files, one_file, shop
from spoiled import spoil_file, spoil_folder, spoil_stdin
from spoiled_databases import spoil_database
from spoiled_words import spoil_options, urls

CASES = 1200
WHOLE = 0.35
"""Part of the cases without damage."""
FORMS = ("file", "file", "folder", "folder", "database", "database", "stdin", "options", "url")
SPOIL: dict[str, Callable[..., None]] = {
    "file": spoil_file,
    "folder": spoil_folder,
    "database": spoil_database,
    "stdin": lambda made, _, rng: spoil_stdin(made, rng),
    "options": lambda made, _, rng: spoil_options(made, rng),
    "url": urls,
}
"""What damages each form."""


def make(setting: Setting, number: int, folder: Path) -> Path:
    """Writes the files of a case, and what describes it."""
    rng = setting.rng("sources", number)
    form, made = FORMS[number % len(FORMS)], shop(rng)
    inside = folder / "data"
    inside.mkdir()
    spoil = (lambda *_: None) if rng.random() < WHOLE else SPOIL[form]
    if form == "url":
        urls(made, rng)
    elif form == "folder":
        spoil(made, many_files(made, inside, rng), rng)
    elif form == "database":
        spoil(made, database(made, inside, rng), rng)
    else:
        path = one_file(made, inside, rng)
        if form == "stdin":
            to_stdin(made, path)
        spoil(made, path, rng)
    described = asdict(made) | {"stdin": None if made.stdin is None else made.stdin.hex()}
    (folder / "case.json").write_text(json.dumps(described), encoding="utf-8")
    return folder


def to_stdin(made: Shop, path: Path) -> None:
    """A file of text as standard input."""
    made.stdin, made.data = path.read_bytes(), "-"
    suffixes = [each for each in ("csv", "tsv", "ndjson") if f".{each}" in path.name]
    made.options["--format"] = suffixes[0]
    path.unlink()


@contextmanager
def piped(data: bytes | None) -> Iterator[None]:
    """With these bytes as standard input."""
    before = sys.stdin
    if data is not None:
        sys.stdin = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8")
    try:
        yield
    finally:
        sys.stdin = before


def said(words: list[object], data: bytes | None = None) -> tuple[int, str, str]:
    """Exit code of a command in this process, and what it printed."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with piped(data), redirect_stdout(out), redirect_stderr(err):
        try:
            command(*words)()
        except SystemExit as left:
            code = int(left.code or 0)
    return code, out.getvalue(), err.getvalue()


def tree(folder: Path) -> dict[str, tuple[int, bytes | None]]:
    """Every path in a folder, with its kind and what it holds."""
    found: dict[str, tuple[int, bytes | None]] = {}
    for at, folders, files in os.walk(folder):
        for name in (*folders, *files):
            if name.endswith(("-shm", "-wal")):  # of SQLite, whose readers write there, too
                continue
            path = Path(at) / name
            plain = path.is_file() and not path.is_symlink()
            mode = path.lstat().st_mode
            found[str(path)] = (mode, path.read_bytes() if plain and mode & 0o400 else None)
    return found


def refused(code: int, err: str) -> bool:
    """Whether a command ended with one clear line, or with how its options are typed.

    Raises:
        Wrong: it ended badly in another way.
    """
    if code == 0:
        return False
    lines = err.splitlines()
    clear = len(lines) == 1 and lines[0].startswith("error: ") and "; expected " in lines[0]
    clear |= lines[0].startswith("Usage: ") if lines else False
    if code != 2 or not clear:
        raise Wrong(f"unclear: code {code}, {len(lines)} lines: {err[-300:]}")
    return True


def attempt(folder: Path) -> str:
    """``fullrank data describe``, or ``data split``, and the table that Python reads."""
    described = json.loads((folder / "case.json").read_text(encoding="utf-8"))
    data = described.pop("stdin")
    made = Shop(**described, stdin=None if data is None else bytes.fromhex(data))
    scratch = folder / "scratch"
    scratch.mkdir()
    tempfile.tempdir = str(scratch)
    inside, options = folder / "data", [w for pair in made.options.items() for w in pair]
    before = tree(inside)
    words: list[object] = ["data", "describe", made.data, "--json", *options]
    out = inside / "parts"
    if random.Random(str(folder)).random() < 0.1:
        words = ["data", "split", made.data, "-o", out, "--json", *options]
    code, printed, err = said(words, made.stdin)
    if made.secret and made.secret in printed + err:
        raise Wrong(f"the secret in what was printed: {err[-200:]}")
    if list(scratch.iterdir()):
        raise Wrong("leaves a temporary file")
    no = refused(code, err)
    after = {
        path: each
        for path, each in tree(inside).items()
        if no or not Path(path).is_relative_to(out)
    }
    if after != before:
        raise Wrong(f"changes {sorted(after.items() ^ before.items(), key=str)[:2]!r:.200}")
    if made.expected == "refused" and not no:
        raise Wrong(f"read what should be refused: {printed[:200]}")
    if no:
        if made.expected == "equal":
            raise Wrong(f"refused: {err.strip()[-300:]}")
        return "refused"
    if made.expected != "any":
        equal(made)
    return "read"


def equal(made: Shop) -> None:
    """Whether Python reads the table as it was meant.

    Raises:
        Wrong: it reads another one.
    """
    from fullrank.cli.tables import TableOptions
    from fullrank.data import read

    fields = {name[2:].replace("-", "_"): value for name, value in made.options.items()}
    with piped(made.stdin):
        found = read(made.data, columns=TableOptions(**fields).layout())  # type: ignore[arg-type]
    pairs, never = made.truth()
    rows = found.to_frame().to_dicts()
    got = {(str(row["user_id"]), str(row["item_id"])): row for row in rows}
    if got.keys() != pairs.keys() or len(got) != len(rows):
        raise Wrong(f"other pairs: {sorted(got.keys() ^ pairs.keys())[:3]}")
    for pair, (weight, time) in pairs.items():
        mine = got[pair].get("weight", 1.0 if "weight" in got[pair] else None)
        wrong = mine is not None and abs(mine - weight) > 1e-5 * max(weight, 1e-30)
        wrong |= "timestamp" in got[pair] and got[pair]["timestamp"] != time
        if wrong:
            raise Wrong(f"of {pair} {got[pair]}; expected weight {weight} and time {time}")
    hidden = set()
    if found.never is not None:
        frame = found.never.to_frame()
        hidden = {(str(user), str(item)) for user, item in frame.iter_rows()}
    if hidden != never:
        raise Wrong(f"never to show {sorted(hidden ^ never)[:3]} or not")


def run(setting: Setting) -> Tally:
    """Data in every form."""
    cases = [
        Case(FORMS[number % len(FORMS)], partial(make, setting, number))
        for number in range(setting.count(CASES))
    ]
    return run_batches(setting, Tally("data where they lie"), cases, attempt)
