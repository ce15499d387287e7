"""The compiled kernels: which build of them is in use, or why none is.

A wheel brings builds for several generations of processors and the fastest that this one can run is
taken. Without them (an installation from source) the kernels are compiled for this very processor
when they are first needed, see `fullrank.native.compiled`. Where that cannot be done either, torch
does the work, more slowly, and a warning says so.

The variable ``FULLRANK_NATIVE`` chooses otherwise: ``0`` for torch, ``compile`` for kernels of this
very processor although there are packaged ones, or a packaged build by its name.
"""

from __future__ import annotations

import ctypes
import os
import platform
import threading
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from fullrank.errors import SettingError
from fullrank.native.compiled import load_compiled
from fullrank.native.compiler import BUILDS, CompilerError, library_name

VARIABLE = "FULLRANK_NATIVE"
LIBRARY = "FULLRANK_KERNELS_LIBRARY"
"""A library to load whatever else there is: one that tests have built with a sanitizer."""
PACKAGED = Path(__file__).with_name("lib")


@dataclass(frozen=True)
class Loaded:
    """The kernels in use, or the reason why there are none."""

    kernels: ctypes.CDLL | None
    state: str
    file: Path | None = None
    trouble: str = ""
    """What a user should know and mend; empty where all is well or was asked for."""


def library() -> ctypes.CDLL | None:
    """The kernels, compiled if need be; nothing where they cannot be had.

    Raises:
        SettingError: ``FULLRANK_NATIVE`` asks for what does not exist.
    """
    return loaded().kernels


def available() -> bool:
    """Whether there are kernels: the one place that is asked."""
    return library() is not None


def state() -> str:
    """``native`` and which build, or ``torch`` and why, for manifests and bug reports."""
    return loaded().state


def kernel(name: str) -> Any:
    """A function of the kernels by its name without ``fr_``."""
    kernels = library()
    if kernels is None:
        raise RuntimeError("the compiled kernels are not to be had here")
    return getattr(kernels, f"fr_{name}")


def pointer(array: NDArray[Any], dtype: Any, kind: Any) -> Any:
    """What a kernel takes for an array; it must be of that dtype and lie in one piece."""
    if array.dtype != dtype or not array.flags.c_contiguous:
        raise TypeError(f"found {array.dtype}, strides {array.strides}; expected whole {dtype}")
    return array.ctypes.data_as(ctypes.POINTER(kind))


class _Once:
    """Loads at the first call; other threads wait for it, and all calls have the same answer."""

    def __init__(self) -> None:
        self.answer: Loaded | None = None
        self.lock = threading.Lock()

    def __call__(self) -> Loaded:
        if self.answer is not None:
            return self.answer
        with self.lock:
            first = self.answer is None
            answer = self.answer = self.answer or _load()
        if first and answer.trouble:  # the lock is open again: a warning may raise
            warnings.warn(answer.trouble, RuntimeWarning, stacklevel=3)
        return answer

    def renew(self) -> None:
        """After a fork: the thread that held the lock may be in the other process."""
        self.lock = threading.Lock()


loaded = _Once()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=loaded.renew)


def _load() -> Loaded:
    wanted = os.environ.get(VARIABLE, "")
    if wanted == "0":
        return Loaded(None, f"torch ({VARIABLE} is 0)")
    given = os.environ.get(LIBRARY)
    if given:
        return Loaded(ctypes.CDLL(given), "native (a given library)", Path(given))
    if wanted not in ("", "1", "compile"):
        return _named(wanted)
    reasons = []
    if wanted != "compile":
        try:
            found = _packaged()
            if found is not None:
                return found
        except OSError as error:
            reasons.append(f"packaged kernels: {error}")
    try:
        kernels, file, reason = load_compiled()
    except (CompilerError, OSError) as error:
        reasons.append(str(error))
        return _torch("; ".join(reasons))
    trouble = f"{reason}: every process compiles the kernels anew{_DOCTOR}" if reason else ""
    return Loaded(kernels, "native (compiled for this processor)", file, trouble)


_DOCTOR = "; `fullrank doctor` says what to do"


def _torch(reason: str) -> Loaded:
    slow = f"no compiled kernels, so torch does their work more slowly: {reason}{_DOCTOR}"
    return Loaded(None, f"torch ({reason})", None, slow)


def _packaged() -> Loaded | None:
    """The fastest packaged build that this processor runs, if there is one.

    Raises:
        OSError: it cannot be loaded.
    """
    builds = _builds()
    level = _level_here(builds)
    return next((_use(name) for name, needed in builds.items() if needed <= level), None)


def _named(name: str) -> Loaded:
    builds = _builds()
    expected = f"0, 1, compile or a packaged build: {', '.join(builds) or 'there is none'}"
    if name not in builds:
        raise SettingError(f"variable {VARIABLE}", f"'{name}'", expected)
    level = _level_here(builds)
    if builds[name] > level:
        found = f"'{name}' on a processor of x86-64-v{level}"
        raise SettingError(f"variable {VARIABLE}", found, "a build that it can run")
    return _use(name)


def _use(name: str) -> Loaded:
    file = PACKAGED / library_name(name)
    return Loaded(ctypes.CDLL(str(file)), f"native (packaged, {name})", file)


def _builds() -> dict[str, int]:
    """Packaged builds for this machine, fastest first, and the level that each needs."""
    known = BUILDS.get(platform.machine(), {})
    return {
        name: level
        for name, (level, _) in known.items()
        if (PACKAGED / library_name(name)).is_file()
    }


def _level_here(builds: Mapping[str, int]) -> int:
    """What `cpu_level` of the plainest build says."""
    if not builds:
        return 0
    plainest = min(builds, key=builds.__getitem__)
    return cpu_level(ctypes.CDLL(str(PACKAGED / library_name(plainest))))


def cpu_level(kernels: ctypes.CDLL) -> int:
    """The highest N such that this processor runs x86-64-vN; 0 on another kind of machine."""
    return int(kernels.fr_cpu_level())
