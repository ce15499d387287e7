"""The folder of compiled kernels: loaded code is trusted, so nobody else may write there.

It is not the cache of data, which may well be shared.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

VARIABLE = "FULLRANK_KERNELS"
_TRUSTED = (0, 65534)
"""Root, and how a container shows what belongs to the root outside of it."""
_OTHERS = stat.S_IWGRP | stat.S_IWOTH


class RefusedError(OSError):
    """A file or folder that somebody else could have written; the text says which and why."""


def usual() -> Path:
    """``FULLRANK_KERNELS``, or a folder in the user's cache folder.

    Raises:
        RefusedError: the user has no home folder.
    """
    named = os.environ.get(VARIABLE)
    try:
        if named:
            return Path(named).expanduser()
        return _user_cache() / "fullrank-kernels"
    except RuntimeError:
        raise RefusedError(f"no home folder for {named or 'the cache'}") from None


def _user_cache() -> Path:
    if os.name == "nt" and "LOCALAPPDATA" in os.environ:
        return Path(os.environ["LOCALAPPDATA"])
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    named = os.environ.get("XDG_CACHE_HOME", "")
    return Path(named) if Path(named).is_absolute() else Path.home() / ".cache"


def opened(folder: Path) -> Path:
    """Makes the folder for this user alone if it is not there; its path without links.

    Raises:
        RefusedError: somebody else can write it, or replace it by another.
        OSError: it cannot be made.
    """
    folder = folder.resolve()
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for above in folder.parents[max(len(missing) - 1, 0) :]:
        _check_above(above)  # before anything is made there
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)
    check(folder)
    return folder


def check(path: Path) -> None:
    """Sees to it that this user owns the file or folder and that nobody else can write it.

    Raises:
        RefusedError: otherwise.
    """
    if os.name == "nt":  # has access lists instead, and the user's folder is private by them
        return
    status = path.lstat()
    if status.st_uid != os.geteuid():
        raise RefusedError(f"{path} belongs to user {status.st_uid}, not to {os.geteuid()}")
    if stat.S_ISLNK(status.st_mode):
        raise RefusedError(f"{path} is a link")
    if status.st_mode & _OTHERS:
        raise RefusedError(
            f"{path} can be written by others (mode {stat.S_IMODE(status.st_mode):o})"
        )


def _check_above(folder: Path) -> None:
    """Who can write a folder can rename what is in it, unless it is sticky as /tmp is.

    The group is let pass: it is the user's own where a umask lets it write.
    """
    if os.name == "nt":
        return
    status = folder.stat()
    if status.st_uid not in (os.geteuid(), *_TRUSTED):
        raise RefusedError(f"{folder} belongs to user {status.st_uid}, not to {os.geteuid()}")
    if status.st_mode & stat.S_IWOTH and not status.st_mode & stat.S_ISVTX:
        mode = stat.S_IMODE(status.st_mode)
        raise RefusedError(f"{folder} can be written by everybody (mode {mode:o})")
