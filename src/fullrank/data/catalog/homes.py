"""Finding the files of a data set: in ``FULLRANK_DATA``, in the cache, or at their public home."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from fullrank.data.catalog.entries import CATALOG, Entry, File
from fullrank.data.download import download
from fullrank.data.files import cache_folder
from fullrank.errors import DataError
from fullrank.settings import nearest


def entries() -> list[dict[str, Any]]:
    """What there is to load: name, sizes, where it comes from, and whether it is here already."""
    return [
        {
            "name": entry.name,
            "users": entry.users,
            "items": entry.items,
            "interactions": entry.interactions,
            "about": entry.about,
            "where": _where(entry),
            "here": all(local(entry, file) or cached(entry, file) for file in entry.files),
        }
        for entry in CATALOG.values()
    ]


def fetch(name: str) -> list[Path]:
    """The files of a data set, downloaded if they are neither in ``FULLRANK_DATA`` nor cached.

    Raises:
        DataError: there is no data set of this name, or a file of it cannot be had.
    """
    entry = find(name)
    return [local(entry, file) or _downloaded(entry, file) for file in entry.files]


def find(name: str) -> Entry:
    """Returns the entry of this name.

    Raises:
        DataError: no data set has this name; the message names the nearest.
    """
    if name not in CATALOG:
        raise DataError(f"data set {name!r}", "no such name", nearest(name, CATALOG))
    return CATALOG[name]


def _where(entry: Entry) -> str:
    if not entry.files:
        return "generated"
    if all(local(entry, file) for file in entry.files):
        return str(_data_folder(entry))
    return entry.files[0].url or "FULLRANK_DATA"


def _data_folder(entry: Entry) -> Path | None:
    named = os.environ.get("FULLRANK_DATA")
    return Path(named).expanduser() / entry.name if named else None


def local(entry: Entry, file: File) -> Path | None:
    """The file in ``FULLRANK_DATA``, if it is there."""
    folder = _data_folder(entry)
    return folder / file.name if folder and (folder / file.name).is_file() else None


def cached(entry: Entry, file: File) -> Path | None:
    """The file in the cache of downloads, if it is there."""
    path = cache_folder() / entry.name / file.name
    return path if path.is_file() else None


def _downloaded(entry: Entry, file: File) -> Path:
    if file.url is None:
        folder = _data_folder(entry) or f"FULLRANK_DATA/{entry.name}"
        location = f"data set {entry.name}"
        raise DataError(
            location, f"no {file.name} in {folder}", "that file, which has no public home"
        )
    path = download(file.url, cache_folder() / entry.name / file.name, file.sha256)
    if file.git_blob is not None and git_blob(path) != file.git_blob:
        path.unlink()
        expected = f"the file that git calls {file.git_blob}; it may have changed at its home"
        raise DataError(file.url, "other content", expected)
    return path


def git_blob(path: Path) -> str:
    """What ``git hash-object`` says of a file."""
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
