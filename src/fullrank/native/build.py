"""Compiles the kernels for this machine when they are first needed, and keeps them in the cache.

There is no compiler to be had at installation (wheels are pure Python), and code for this very
processor is twice as fast as code for all of them. Where there is no compiler, or the variable
``FULLRANK_NATIVE`` is 0, `library` returns nothing and the callers take their torch path.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from fullrank.errors import DataError
from fullrank.files import cache_folder, replacing

FLAGS = ("-std=c++17", "-O3", "-march=native", "-fno-math-errno", "-fPIC", "-shared", "-pthread")
COMPILERS = ("c++", "g++", "clang++")
_SECONDS = 120


@cache
def library() -> ctypes.CDLL | None:
    """The kernels, compiled if need be; nothing where they cannot be had."""
    return _load()[0]


def state() -> str:
    """``native``, or why the kernels are not in use, for manifests and bug reports."""
    return _load()[1]


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


@cache
def _load() -> tuple[ctypes.CDLL | None, str]:
    if os.environ.get("FULLRANK_NATIVE") == "0":
        return None, "torch (FULLRANK_NATIVE is 0)"
    given = os.environ.get("FULLRANK_KERNELS_LIBRARY")
    if given:  # built with a sanitizer, for tests
        return ctypes.CDLL(given), "native"
    compiler = os.environ.get("CXX") or next(filter(None, map(shutil.which, COMPILERS)), None)
    if compiler is None:
        return None, f"torch (no compiler: none of {', '.join(COMPILERS)})"
    try:
        return ctypes.CDLL(str(_built(compiler))), "native"
    except subprocess.SubprocessError as error:
        return None, f"torch ({compiler} failed: {_last_line(error)})"
    except (OSError, DataError) as error:
        return None, f"torch ({error})"


def _built(compiler: str) -> Path:
    folder = Path(str(resources.files("fullrank.native") / "kernels"))
    target = cache_folder() / "native" / _key(compiler, folder) / "kernels.so"
    if not target.is_file():
        with replacing(target) as part:
            _run(compiler, *FLAGS, str(folder / "kernels.cpp"), "-o", str(part))
    return target


def _key(compiler: str, folder: Path) -> str:
    """Changes with the sources, the compiler and the processor that it compiles for."""
    digest = hashlib.sha256(repr((FLAGS, platform.machine(), platform.system())).encode())
    for file in sorted(folder.iterdir()):
        digest.update(file.read_bytes())
    digest.update(_run(compiler, "-march=native", "-dM", "-E", "-x", "c++", os.devnull))
    return digest.hexdigest()[:16]


def _run(*command: str) -> bytes:
    done = subprocess.run(command, check=True, capture_output=True, timeout=_SECONDS)  # noqa: S603
    return done.stdout


def _last_line(error: subprocess.SubprocessError) -> str:
    lines = (getattr(error, "stderr", None) or b"").decode(errors="replace").split("\n")
    return next((line.strip() for line in lines if "error" in line), str(error))
