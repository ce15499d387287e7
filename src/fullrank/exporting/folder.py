"""A folder that is written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fullrank.data.files import WAIT, as_data_errors, expanded, synced
from fullrank.data.json_text import json_of
from fullrank.data.locks import exclusive, part_folder
from fullrank.errors import DataError

MANIFEST = "export.json"


@contextmanager
def replacing_folder(target: Path) -> Iterator[Path]:
    """Yields a folder to write to; it takes the place of ``target`` once all of it is on disk.

    Only an older export is replaced: it is moved aside by one rename, and the new one comes in its
    place by another.

    Raises:
        DataError: the disk is full, the folder cannot be written, or it holds something else.
    """
    target = expanded(target)
    with as_data_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with exclusive(target, "exporting a model", wait=WAIT), part_folder(target) as private:
            _check_free(target)
            part, old = private / "new", private / "old"
            part.mkdir()
            yield part
            for path in part.iterdir():
                if path.is_file():
                    _sync(path)
            if target.exists():
                target.rename(old)
            try:
                part.rename(target)
            except BaseException:
                if old.exists():
                    old.rename(target)
                raise
            synced(target.parent)


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _check_free(target: Path) -> None:
    if target.is_dir():
        if any(target.iterdir()) and not (target / MANIFEST).is_file():
            raise DataError(str(target), f"files and no {MANIFEST}", "a new folder, or an export")
    elif target.exists():
        raise DataError(str(target), "a file", "a folder, or a name that is free")


def manifest_of(folder: Path) -> dict[str, Any]:
    """What an export says of itself.

    Raises:
        DataError: there is none, or it cannot be read.
    """
    path = expanded(folder) / MANIFEST
    with as_data_errors(path):
        try:
            said: Any = json_of(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            said = None
        except ValueError:
            raise DataError(str(path), "no JSON", "what `fullrank export` wrote") from None
    if not isinstance(said, dict) or "target" not in said:
        raise DataError(str(folder), f"no {MANIFEST}", "a folder that `fullrank export` wrote")
    return said
