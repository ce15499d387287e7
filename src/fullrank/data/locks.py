"""One writer at a time for each output, and nothing left of writers that were killed.

The lock of a file lies beside it, that of a folder inside it, with a JSON file that names the
holder. Both go when the holder is done; what is found there later was left by a process that was
killed, and the next holder removes it with its unfinished files.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import platform
import re
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from fullrank.data.json_text import json_of
from fullrank.data.write_errors import as_data_errors
from fullrank.errors import DataError

if TYPE_CHECKING:
    from filelock import BaseFileLock

FOLDER = ".fullrank"
"""Stem of the lock of a folder and of the file that names its holder."""
_OURS = re.compile(
    r"(\..{0,40}\.fullrank-[0-9a-f]{8})(\.lock|\.json|-[0-9a-f]{8}\.part)", re.DOTALL
)
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)
"""What a disk answers that has no locks, as some in a network: work goes on without one."""
_POLL = 0.05
_held: dict[str, int] = {}
"""Outputs whose lock this process has, by path, and the thread that took it."""


@contextmanager
def exclusive(
    target: Path,
    doing: str,
    *,
    folder: bool = False,
    wait: float = 0.0,
    say: Callable[[str], None] | None = None,
) -> Iterator[str]:
    """Holds the lock of an output; a thread that has it, or that of a folder above, has it already.

    Args:
        target: A file, or a folder, which is made.
        doing: What the holder does, for the message to others.
        folder: Whether it is a folder.
        wait: Seconds to wait for another holder.
        say: Receives one line that names the other holder, before the wait.

    Yields:
        What a holder before did that was killed; empty if none was. Its unfinished files are gone.

    Raises:
        DataError: another process has the lock, or it cannot be made.
    """
    real = os.path.realpath(target)
    home, stem = (target, FOLDER) if folder else (target.parent, _stem(target))
    if _is_ours(real):
        with suppress(OSError):
            _clear(home, stem, folder=folder)
        yield ""
        return
    with as_data_errors(target):
        made = [path for path in (home, *home.parents) if not path.exists()]
    try:
        lock = _acquired(target, home, stem, wait, say)
        if lock is None:
            yield ""
            return
        _held[real] = threading.get_ident()
        holder = home / f"{stem}.json"
        try:
            with suppress(OSError):
                _clear(home, stem, folder=folder)
            killed = killed_in(target) if folder else ""
            with suppress(OSError):
                holder.write_text(json.dumps(_myself(doing)), encoding="utf-8")
            yield killed
        finally:
            del _held[real]
            _release(lock, home / f"{stem}.lock", holder)
    except BaseException:
        for path in made:
            with suppress(OSError):
                path.rmdir()  # only where nothing is in it
        raise


@contextmanager
def part_folder(target: Path) -> Iterator[Path]:
    """A private folder beside ``target`` for what is not whole yet; it is removed at the end."""
    part = target.with_name(f"{_stem(target)}-{uuid.uuid4().hex[:8]}.part")
    try:
        part.mkdir()
        yield part
    finally:
        with suppress(OSError):
            shutil.rmtree(part)


def holds() -> bool:
    """Whether this process has any lock."""
    return bool(_held)


def killed_in(folder: Path) -> str:
    """What the process did that has the lock of a folder, or was killed while it had it."""
    try:
        return str(json_of((folder / f"{FOLDER}.json").read_text(encoding="utf-8"))["command"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def clear_within(folder: Path) -> None:
    """Clears a folder inside one that this process holds, unless another process has it.

    Inside a folder that is held, `exclusive` takes no lock; another process may have its own.
    """
    from filelock import FileLock, Timeout

    path = folder / f"{FOLDER}.lock"
    with suppress(Timeout, OSError, NotImplementedError):
        if any(is_leftover(each.name) for each in folder.iterdir()):
            lock = FileLock(path)
            lock.acquire(blocking=False)
            _clear(folder, FOLDER, folder=True)
            _remove(iter([folder / f"{FOLDER}.json"]))
            _release(lock, path)


def is_leftover(name: str) -> bool:
    """Whether a file of that name is a lock, or an unfinished file."""
    return name in (f"{FOLDER}.lock", f"{FOLDER}.json") or _OURS.fullmatch(name) is not None


def _stem(target: Path) -> str:
    """Short for any name; the hash keeps apart those that begin alike."""
    digest = hashlib.sha256(os.fsencode(target.name)).hexdigest()[:8]
    return f".{target.name[:40]}.fullrank-{digest}"


def _is_ours(real: str) -> bool:
    me, path = threading.get_ident(), Path(real)
    return any(_held.get(str(each)) == me for each in (path, *path.parents))


def _acquired(
    target: Path, home: Path, stem: str, wait: float, say: Callable[[str], None] | None
) -> BaseFileLock | None:
    """The lock, held; nothing where the disk has none."""
    from filelock import FileLock, Timeout

    lock = FileLock(home / f"{stem}.lock")
    limit, said = time.monotonic() + wait, False
    while True:
        try:
            home.mkdir(parents=True, exist_ok=True)
            lock.acquire(blocking=False)
            return lock
        except Timeout:
            who = _holder(home / f"{stem}.json")
            if time.monotonic() >= limit:
                expected = "one at a time: wait for its end, or choose another name"
                raise DataError(str(target), f"an output in use by {who}", expected) from None
            if say is not None and not said:
                said = True
                say(f"waiting for {who}, which has {target} in use")
            time.sleep(_POLL)
        except FileNotFoundError:  # another holder has just removed the folder that it had made
            time.sleep(_POLL)
            if time.monotonic() > limit + 1:
                with as_data_errors(target):
                    raise
        except (OSError, NotImplementedError) as error:
            if not isinstance(error, OSError) or error.errno in _NO_LOCKS:
                return None
            with as_data_errors(target):
                raise


def _release(lock: BaseFileLock, path: Path, holder: Path | None = None) -> None:
    with suppress(OSError):
        path.unlink(missing_ok=True)  # while it is held, so that nobody else's goes
    if holder is not None:  # after the lock: who is killed between them is known as killed
        with suppress(OSError):
            text = holder.read_text(encoding="utf-8")
            # Nothing is in it where the disk was full; another one's is whole, or soon will be.
            if not text or f'"pid": {os.getpid()},' in text:
                holder.unlink()
    lock.release()
    if os.name == "nt":
        with suppress(OSError):  # an open file cannot be removed there; fails if another has it
            path.unlink(missing_ok=True)


def _clear(home: Path, stem: str, *, folder: bool) -> None:
    """Removes unfinished files: all in a folder that nobody is writing, or those of one file."""
    found: dict[str, list[Path]] = {}
    for path in home.iterdir():
        match = _OURS.fullmatch(path.name)
        if match is not None:
            found.setdefault(match[1], []).append(path)
    for each, paths in found.items():
        if each == stem:
            _remove(path for path in paths if path.suffix == ".part")
        elif folder:
            _clear_file(home / f"{each}.lock", paths)


def _clear_file(path: Path, paths: list[Path]) -> None:
    """Removes what was left of the writer of one file, unless there is one at work."""
    from filelock import FileLock, Timeout

    lock = FileLock(path)
    with suppress(Timeout, OSError, NotImplementedError):
        lock.acquire(blocking=False)
        _remove(each for each in paths if each != path)
        _release(lock, path)


def _remove(paths: Iterator[Path]) -> None:
    for path in paths:
        with suppress(OSError):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


def _myself(doing: str) -> dict[str, str | int]:
    since = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M:%S")
    return {"pid": os.getpid(), "host": platform.node(), "command": doing, "since": since}


def _holder(path: Path) -> str:
    """Who has a lock, as far as it said so."""
    try:
        known = json_of(path.read_text(encoding="utf-8"))
        where = "" if known["host"] == platform.node() else f" on {known['host']}"
        return f"process {known['pid']}{where} ({known['command']}, since {known['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
