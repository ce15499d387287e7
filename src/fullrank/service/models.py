"""Which model folder is served: a folder itself, or the version that its pointer names."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from fullrank.errors import DataError
from fullrank.recommender import Recommender
from fullrank.serving.model_files import MANIFEST

CURRENT = "current"
"""A link in a folder of versions to the one that is served, replaced in a single step."""
DIGITS = 12
"""Of the manifest's sha256, as the version that answers name."""
_READS = 20
"""Times to read a folder that another model replaces meanwhile."""


@dataclass(frozen=True)
class Version:
    """A model folder as it lies there at a moment; another after every save and every switch."""

    folder: Path
    """The model folder itself, whatever pointed to it."""
    stamp: tuple[int, int, int]
    """Inode, time and size of its manifest."""


def resolve(folder: Path) -> Path:
    """The model folder that ``folder`` stands for: itself, or where its pointer leads now."""
    if (folder / MANIFEST).is_file() or not (folder / CURRENT).exists():
        return folder
    return (folder / CURRENT).resolve()


def version_of(folder: Path) -> Version | None:
    """What is to be served now; None where there is no model."""
    try:
        own = resolve(folder)
        status = (own / MANIFEST).stat()
    except OSError:
        return None
    return Version(own, (status.st_ino, status.st_mtime_ns, status.st_size))


def load(folder: Path) -> tuple[Recommender, Path, str]:
    """The model of a folder, the folder that it lies in, and the name of its version.

    Raises:
        DataError: there is none, or it is damaged.
    """
    for _ in range(_READS):
        own = resolve(folder)
        before = _digest(own)
        model = Recommender.load(own)
        if _digest(own) == before:
            return model, own, before
    raise DataError(str(folder), "a model that is replaced all the time", "one that stays")


def _digest(folder: Path) -> str:
    try:
        return hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()[:DIGITS]
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DataError(str(folder), reason, "a model folder, or versions and `current`") from None


def names_of(folders: tuple[str, ...]) -> list[str]:
    """A name for each folder, by which requests ask for it: its own, and a number if it is taken.

    >>> names_of(("models/a", "old/a", "b/"))
    ['a', 'a-2', 'b']
    """
    names: list[str] = []
    for folder in folders:
        own = Path(folder).absolute().name or "model"
        taken = sum(each == own or each.startswith(f"{own}-") for each in names)
        names.append(f"{own}-{taken + 1}" if own in names else own)
    return names
