"""Files of interactions and of titles, read with every complaint on one line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import polars as pl

from fullrank.data.adjacency import read_adjacency
from fullrank.data.columns import Columns, checked_ids, present
from fullrank.data.ids import Ids
from fullrank.data.interactions import Interactions
from fullrank.data.place import Place
from fullrank.data.text import scan_text, text_columns, text_error
from fullrank.errors import DataError
from fullrank.settings import nearest

Format = Literal["csv", "tsv", "parquet", "arrow", "recbole", "adjacency"]

SUFFIXES: dict[str, Format] = {
    ".csv": "csv",
    ".csv.gz": "csv",
    ".tsv": "tsv",
    ".tsv.gz": "tsv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".ipc": "arrow",
    ".feather": "arrow",
    ".inter": "recbole",
    ".item": "recbole",
    ".txt": "adjacency",
}
"""The format that a file has by its name."""


def read(
    path: str | Path,
    *,
    columns: Columns | None = None,
    users: Ids | None = None,
    items: Ids | None = None,
    format: Format | None = None,  # noqa: A002 - the word that readers use
) -> Interactions:
    """Reads a file with one interaction a row, or an adjacency list with one user a line.

    Ids in text files are strings, ``"007"`` too; Parquet and Arrow files keep their type. Only the
    columns that are needed stay in memory.

    Args:
        path: The file. Its suffix tells the format, unless ``format`` does: CSV and TSV (also
            ``.gz``), Parquet, Arrow IPC, RecBole ``.inter`` (columns go by the part of their name
            before the colon; ``rating`` is a weight only if ``columns`` says so) and adjacency
            lists ``.txt`` (``user item item ...``).
        columns: Which columns to use, and the threshold on ratings if one is wanted.
        users: The user ids to number rows by; those of the file when not given.
        items: The item ids to number rows by; those of the file when not given.
        format: The format, whatever the suffix says.

    Raises:
        DataError: the file is not there, not of its format or damaged, or its content is not what
            `Interactions.from_frame` takes; the message names the line or row.
    """
    path = Path(path)
    kind = format_of(path, format)
    columns = columns or Columns()
    if kind == "adjacency":
        return read_adjacency(path, columns=columns, users=users, items=items)
    source = _OPEN[kind](path)
    names = present(source.columns, columns, source.place)
    frame, place = source.load(names.values())
    return Interactions.from_frame(frame, columns=columns, users=users, items=items, place=place)


def read_titles(
    path: str | Path,
    *,
    id_column: str | None = None,
    title_column: str | None = None,
    format: Format | None = None,  # noqa: A002
) -> pl.DataFrame:
    """Reads the columns ``id`` and ``title`` that `Ids.with_titles` takes, say of a RecBole file.

    Args:
        path: The file, of any format that `read` knows but adjacency lists.
        id_column: Column of the ids; the first one whose name ends in ``id`` when not given.
        title_column: Column of the titles; the first with ``title`` or ``name`` in its name.
        format: The format, whatever the suffix says.

    Raises:
        DataError: the file cannot be read, a column is missing, or an id is.
    """
    path = Path(path)
    kind = format_of(path, format)
    if kind == "adjacency":
        raise DataError(str(path), "an adjacency list", "a table of ids and titles")
    source = _OPEN[kind](path)
    identity = id_column or _first(source, ("id",), whole_end=True)
    title = title_column or _first(source, ("title", "name"))
    for name in (identity, title):
        if name not in source.columns:
            found = "the columns " + ", ".join(source.columns)
            raise DataError(str(path), found, f"a column {name!r}")
    frame, place = source.load([identity, title])
    ids = checked_ids(frame[identity], place, identity)
    return pl.DataFrame({"id": ids, "title": frame[title].cast(pl.String)})


def format_of(path: Path, named: Format | None = None) -> Format:
    """The format of an existing file: the one that is named, or what its suffix says.

    Raises:
        DataError: there is no such file, it is a folder, or its format is not known.
    """
    _must_be_file(path)
    if named is not None:
        if named not in SUFFIXES.values():
            raise DataError(f"{path}, format", repr(named), nearest(named, set(SUFFIXES.values())))
        return named
    lower = path.name.lower()
    endings = [suffix for suffix in SUFFIXES if lower.endswith(suffix)]
    if not endings:
        found = f"the suffix {path.suffix!r}" if path.suffix else "no suffix"
        raise DataError(str(path), found, f"one of {', '.join(SUFFIXES)}, or format= to name it")
    return SUFFIXES[max(endings, key=len)]


def _must_be_file(path: Path) -> None:
    if path.is_file():
        return
    suffixes = ", ".join(SUFFIXES)
    if path.is_dir():
        inside = sorted(each.name for each in path.iterdir() if _readable(each.name))
        hint = f"; it holds {', '.join(inside[:8])}" if inside else ""
        raise DataError(str(path), f"a folder{hint}", f"one file ({suffixes})")
    hint = ""
    if path.parent.is_dir():
        close = nearest(path.name, [each.name for each in path.parent.iterdir()] or [""])
        hint = f" (did you mean {close}?)" if close.startswith("'") else ""
    elif not path.parent.exists():
        hint = f" (there is no folder {path.parent} either)"
    raise DataError(str(path), "no such file", f"an existing file{hint}")


def _readable(name: str) -> bool:
    return name.lower().endswith(tuple(SUFFIXES))


def _first(source: _Source, words: tuple[str, ...], *, whole_end: bool = False) -> str:
    for name in source.columns:
        lower = name.lower()
        if lower.endswith(words) if whole_end else any(word in lower for word in words):
            return name
    found = "the columns " + ", ".join(source.columns)
    wanted = " or ".join(repr(word) for word in words)
    raise DataError(source.place.name, found, f"a column with {wanted} in its name")


@dataclass(frozen=True)
class _Source:
    """A table that has been opened: its columns are known, its rows not yet read."""

    place: Place
    columns: list[str]
    load: Callable[[Iterable[str]], tuple[pl.DataFrame, Place]]


def _text(path: Path, separator: str, *, quoted: bool = True, typed: bool = False) -> _Source:
    """A delimited file; ``typed`` names end in a colon and a type, which is no part of the name."""
    place = Place(str(path), "line", first=2)
    header = text_columns(path, separator, quoted=quoted)
    columns = [name.partition(":")[0] for name in header] if typed else header
    written = dict(zip(reversed(columns), reversed(header), strict=True))

    def load(names: Iterable[str]) -> tuple[pl.DataFrame, Place]:
        wanted = {name: written[name] for name in names}
        try:
            return scan_text(path, separator, wanted, place, quoted=quoted)
        except pl.exceptions.PolarsError as error:
            raise text_error(path, separator, error, quoted=quoted) from None
        except OSError as error:
            raise DataError(str(path), f"a damaged file ({error})", "a whole one") from None

    return _Source(place, columns, load)


def _typed(path: Path, kind: str, magic: bytes, scan: Callable[..., pl.LazyFrame]) -> _Source:
    """A Parquet or Arrow file, which knows the types of its columns."""
    _framed(path, kind, magic)
    place = Place(str(path))

    def load(names: Iterable[str]) -> tuple[pl.DataFrame, Place]:
        with _whole(path, kind):
            return scan(path).select(list(names)).collect(), place

    with _whole(path, kind):
        return _Source(place, scan(path).collect_schema().names(), load)


@contextmanager
def _whole(path: Path, kind: str) -> Iterator[None]:
    try:
        yield
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise DataError(str(path), f"a damaged {kind} file ({reason})", "a whole one") from None


def _framed(path: Path, kind: str, magic: bytes) -> None:
    """Sees that a file begins and ends as its format asks, before a parser is asked to read it."""
    with path.open("rb") as file:
        first = file.read(len(magic))
        size = file.seek(0, 2)
        file.seek(max(size - len(magic), 0))
        last = file.read()
    if not size:
        raise DataError(str(path), "an empty file", f"a {kind} file")
    if first != magic:
        raise DataError(str(path), f"no {kind} file (it begins with {first!r})", repr(magic))
    if last != magic:
        found = f"a truncated {kind} file (it ends with {last!r})"
        raise DataError(str(path), found, f"a whole one, which ends with {magic!r}")


_OPEN: dict[Format, Callable[[Path], _Source]] = {
    "csv": partial(_text, separator=","),
    "tsv": partial(_text, separator="\t"),
    "recbole": partial(_text, separator="\t", quoted=False, typed=True),
    "parquet": partial(_typed, kind="Parquet", magic=b"PAR1", scan=pl.scan_parquet),
    "arrow": partial(_typed, kind="Arrow IPC", magic=b"ARROW1", scan=pl.scan_ipc),
}
