"""Kernels compiled for this very processor, once, and kept in a folder of the user's own.

A library is named by the hash of its content. So it appears whole and at once, and one that was
damaged is known as such before it is loaded: a library cut short can end the process.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from fullrank.native import folder
from fullrank.native.compiler import (
    COMMON,
    KERNELS,
    SECONDS,
    THIS_PROCESSOR,
    compile_kernels,
    compiler,
    run,
)

WAIT = SECONDS + 30
"""Seconds to wait for another process that compiles; after them a process compiles for itself."""
_DIGITS = 32


def load_compiled() -> tuple[ctypes.CDLL, Path, str]:
    """The kernels, their file, and why they are not kept for the next process, if they are not.

    Raises:
        CompilerError: there is no compiler, or it failed.
        OSError: the library cannot be loaded from anywhere.
    """
    command = compiler()
    key = _key(command)
    try:
        kept = folder.opened(folder.opened(folder.usual()) / key)
        file = _whole(kept) or _compiled_once(command, kept)
        return ctypes.CDLL(str(file)), file, ""
    except OSError as error:
        reason = (
            str(error) if isinstance(error, folder.RefusedError) else f"kernels folder: {error}"
        )
    # The library stays in memory when its file is gone; Windows keeps the file.
    prefix = "fullrank-kernels-"
    with tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as private:
        file = _compile(command, Path(private))
        return ctypes.CDLL(str(file)), file, reason


def _key(command: Sequence[str]) -> str:
    """Changes with the sources, the compiler and the processor that it compiles for."""
    parts = (*command, *COMMON, THIS_PROCESSOR, platform.machine(), platform.system())
    digest = hashlib.sha256(repr(parts).encode())
    for file in sorted(KERNELS.glob("*.[hc]*")):
        digest.update(file.read_bytes())
    macros = [*command, THIS_PROCESSOR, "-dM", "-E", "-x", "c++", os.devnull]
    digest.update(run(macros, seconds=30))  # it is done in a moment
    return digest.hexdigest()[:16]


def _whole(kept: Path) -> Path | None:
    """A library in the folder that can be loaded."""
    return next(filter(_is_whole, sorted(kept.glob("kernels-*.so"))), None)


def _is_whole(library: Path) -> bool:
    """Whether its content is what its name says, and nobody else could have written it."""
    try:
        folder.check(library)
        return library.name == _name(library)
    except OSError:
        return False


def _name(library: Path) -> str:
    with library.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return f"kernels-{digest[:_DIGITS]}.so"


def _compiled_once(command: Sequence[str], kept: Path) -> Path:
    with _turn(kept) as ours:
        found = _whole(kept)
        if found is not None:
            return found
        if ours:
            _tidy(kept)
        return _compile(command, kept)


@contextlib.contextmanager
def _turn(kept: Path) -> Iterator[bool]:
    """Waits until no other process compiles; False if that takes too long or cannot be known."""
    from filelock import FileLock, Timeout

    lock = FileLock(kept / "lock", timeout=WAIT, mode=0o600)
    try:
        lock.acquire()
    except (Timeout, OSError, NotImplementedError):  # some network disks have no locks
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def _tidy(kept: Path) -> None:
    """Removes damaged libraries, and what compilers left that were ended half-way."""
    for library in kept.glob("kernels-*.so"):
        if not _is_whole(library):
            library.unlink(missing_ok=True)
    for left in kept.glob("part-*"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - left.stat().st_mtime > 2 * WAIT:
                shutil.rmtree(left, ignore_errors=True)


def _compile(command: Sequence[str], kept: Path) -> Path:
    part = Path(tempfile.mkdtemp(prefix="part-", dir=kept))
    try:
        library = part / "kernels.so"
        compile_kernels(command, [THIS_PROCESSOR], library)
        library.chmod(0o600)  # whatever the umask is
        _sync(library)
        return library.replace(kept / _name(library))
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _sync(file: Path) -> None:
    with file.open("rb+") as opened:
        os.fsync(opened.fileno())
