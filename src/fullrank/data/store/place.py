"""The folder of a store while one is made: whole, or nothing of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from fullrank.data.locks import exclusive, is_leftover, killed_in
from fullrank.data.store.dividing import PARTS
from fullrank.data.store.files import ARRAYS, MANIFEST, SIDES, read_manifest
from fullrank.errors import DataError

DOING = "fullrank data prepare"
NAMES = frozenset({f"{part}.{array}.npy" for part in PARTS for array in ARRAYS} | {*SIDES})
"""What lies in a store beside its manifest."""
_FREE = "an empty folder or a free name"


@contextmanager
def begun(folder: Path) -> Iterator[dict[str, Any] | None]:
    """Holds a folder for a store; what a run left over that was killed there goes.

    Yields:
        The manifest, if a whole store is there already.

    Raises:
        DataError: there is something else in the folder, or another process at work.
    """
    _left_over(folder, killed_in(folder))  # before anything is made in somebody else's folder
    with exclusive(folder, DOING, folder=True) as before:
        left = _left_over(folder, before)
        if (folder / MANIFEST).exists():
            yield read_manifest(folder)
            return
        _remove(left)
        try:
            yield None
        except BaseException:
            (folder / MANIFEST).unlink(missing_ok=True)
            _remove([folder / name for name in NAMES])
            raise


def moved(made: Path, folder: Path) -> None:
    """Moves what was made to where it belongs."""
    for path in sorted(made.iterdir()):
        path.rename(folder / path.name)


def _left_over(folder: Path, before: str) -> list[Path]:
    """What a store without a manifest left in a folder; nothing of a whole one."""
    if folder.exists() and not folder.is_dir():
        raise DataError(str(folder), "a file", _FREE)
    there = list(folder.iterdir()) if folder.exists() else []
    held = [path for path in there if not is_leftover(path.name)]
    if any(path.name == MANIFEST for path in held):
        return []
    if held and (before != DOING or any(path.name not in NAMES for path in held)):
        raise DataError(str(folder), "something there already", _FREE)
    return held


def _remove(paths: list[Path]) -> None:
    for path in paths:
        with suppress(FileNotFoundError, NotADirectoryError):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def check_same(folder: Path, there: dict[str, Any], asked: dict[str, Any]) -> None:
    """Sees that a whole store is the one that is asked for.

    Raises:
        DataError: it is another one, or nobody can say.
    """
    differ = [name for name, value in asked.items() if there.get(name) != value]
    if asked["seen"] is None or differ:
        which = f" (another {differ[0]})" if differ and differ[0] != "seen" else ""
        raise DataError(str(folder), f"another store{which}", _FREE)
