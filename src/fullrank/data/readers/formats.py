"""Which format a file has: by its suffix, or as it is named."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

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
