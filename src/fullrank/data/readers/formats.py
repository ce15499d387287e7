"""Which format a file has: by its suffix, or as it is named."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from fullrank.data.columns import Columns, Format
from fullrank.data.readers.packed import PACKED, inner_name, without_suffix
from fullrank.errors import DataError
from fullrank.settings import nearest

SUFFIXES: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".ipc": "arrow",
    ".feather": "arrow",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".inter": "recbole",
    ".item": "recbole",
    ".data": "movielens",
    ".dat": "movielens",
    ".txt": "adjacency",
}
"""The format that a file has by its name; those of text may have one of `PACKED` after it."""
TYPED: tuple[Format, ...] = ("parquet", "arrow")
NAMES: tuple[str, ...] = tuple(SUFFIXES) + tuple(
    suffix + packed
    for suffix, format_ in SUFFIXES.items()
    if format_ not in TYPED
    for packed in PACKED
)
"""The suffixes that are known, packed ones too."""
_KNOWN = ", ".join(SUFFIXES) + f"; those of text also packed, with {', '.join(PACKED)} after it"


def format_of(path: Path, named: Format | None = None, columns: Columns | None = None) -> Format:
    """The format of an existing file: the one that is named, or what its suffix says.

    A text file whose separator or columns are named is a table, whatever its suffix says.

    Raises:
        DataError: there is no such file, it is a folder, or its format is not known or has a
            separator and names of columns of its own.
    """
    _must_be_file(path)
    named = named or (columns.format if columns else None)
    if named is not None and named not in get_args(Format):
        raise DataError(f"{path}, format", repr(named), nearest(named, get_args(Format)))
    lower = without_suffix(path.name)
    if "." not in lower:
        lower = inner_name(path).lower()
    kind = named or SUFFIXES.get(f".{lower.rpartition('.')[2]}" if "." in lower else "")
    if columns is not None and (columns.separator or columns.names):
        if named is None and kind in (None, "adjacency"):
            return "csv"
        if kind in (*TYPED, "ndjson", "adjacency"):
            found = f"a separator or names of columns for the format {kind}"
            raise DataError(str(path), found, "a table of text: csv, tsv, recbole or movielens")
    if kind is None or (named is None and kind in TYPED and path.name.lower().endswith(PACKED)):
        found = f"the suffix {path.suffix!r}" if path.suffix else "no suffix"
        expected = f"one of {_KNOWN}, or the format by name: --format csv (format='csv')"
        raise DataError(str(path), found, expected)
    return kind


def _must_be_file(path: Path) -> None:
    if path.is_file():
        return
    if path.is_dir():
        inside = sorted(each.name for each in path.iterdir() if is_readable(each.name))
        hint = f"; it holds {', '.join(inside[:8])}" if inside else ""
        raise DataError(str(path), f"a folder{hint}", f"one file ({_KNOWN})")
    hint = ""
    if path.parent.is_dir():
        close = nearest(path.name, [each.name for each in path.parent.iterdir()] or [""])
        hint = f" (did you mean {close}?)" if close.startswith("'") else ""
    elif not path.parent.exists():
        hint = f" (there is no folder {path.parent} either)"
    raise DataError(str(path), "no such file", f"an existing file{hint}")


def is_readable(name: str) -> bool:
    """Whether a file of that name is of a format that is known by its suffix."""
    return name.lower().endswith(NAMES)
