"""Compiling the kernels: sources, flags, the builds of a wheel, and a compiler kept within bounds.

The build hook of the wheels (``hatch_build.py``) loads this file by its path, before anything is
installed: it imports the standard library alone.
"""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

KERNELS = Path(__file__).with_name("kernels")
SOURCES = ("kernels.cpp", "cpu.cpp")
COMMON = ("-std=c++17", "-O3", "-fno-math-errno", "-fPIC", "-shared", "-pthread")

APPLE_SILICON = sys.platform == "darwin" and platform.machine() == "arm64"
THIS_PROCESSOR = "-mcpu=native" if APPLE_SILICON else "-march=native"
"""Apple's compiler knows its own processors by the former name alone."""

BUILDS: dict[str, dict[str, tuple[int, tuple[str, ...]]]] = {
    "x86_64": {f"x86-64-v{level}": (level, (f"-march=x86-64-v{level}",)) for level in (4, 3, 2)},
    "aarch64": {"aarch64": (0, ())},
    "arm64": {"arm64": (0, ())},
}
"""Builds in a wheel by machine, fastest first: what ``fr_cpu_level`` must be at least, flags."""

COMPILERS = ("c++", "g++", "clang++")
SECONDS = 120
"""After which a compiler is ended."""


class CompilerError(Exception):
    """There is no compiler, or it failed; the text says why in one line."""


def compiler() -> list[str]:
    """The compiler's command: ``CXX``, which may have flags in it, or the first that is found.

    Raises:
        CompilerError: there is none.
    """
    named = os.environ.get("CXX", "").strip()
    if named:
        try:
            return shlex.split(named, posix=os.name != "nt")
        except ValueError as error:
            raise CompilerError(f"CXX is {named!r}: {error}") from None
    found = next(filter(None, map(shutil.which, COMPILERS)), None)
    if found is None:
        raise CompilerError(f"no compiler: none of {', '.join(COMPILERS)}")
    return [found]


def compile_kernels(command: Sequence[str], flags: Sequence[str], target: Path) -> None:
    """Compiles the kernels into a shared library.

    Args:
        command: The compiler, as `compiler` gives it.
        flags: For which processor, beside `COMMON`.
        target: The library; the compiler's own temporary files lie beside it.

    Raises:
        CompilerError: the compiler failed or took longer than `SECONDS`.
    """
    files = [str(KERNELS / name) for name in SOURCES]
    run([*command, *COMMON, *flags, *files, "-o", str(target)], temporary=target.parent)


def compile_packaged(folder: Path, machine: str, flags: Sequence[str] = ()) -> list[Path]:
    """Compiles every build that a wheel has for that machine, and returns the library files.

    Raises:
        CompilerError: there is no compiler, or it failed.
    """
    command = compiler()
    files = []
    for name, (_, build_flags) in BUILDS.get(machine, {}).items():
        files.append(folder / library_name(name))
        compile_kernels(command, [*build_flags, *flags], files[-1])
    return files


def library_name(build: str) -> str:
    """The file of a build in a wheel."""
    return f"kernels-{build}.so"


def run(
    command: Sequence[str], *, seconds: float = SECONDS, temporary: Path | None = None
) -> bytes:
    """What a compiler prints; it and all its children are ended when its time is over.

    Raises:
        CompilerError: it cannot be started, failed, or was ended.
    """
    environment = {**os.environ, "LC_ALL": "C"}  # the line with "error" in it is looked for
    if temporary is not None:
        environment["TMPDIR"] = str(temporary)
    name = shlex.join(command[:1])
    try:
        process = subprocess.Popen(  # noqa: S603
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=True,  # a group of its own, to be ended as one
        )
    except OSError as error:
        raise CompilerError(f"{name} cannot be started: {error.strerror or error}") from None
    try:
        out, errors = process.communicate(timeout=seconds)
    except BaseException as error:
        _end(process)
        if not isinstance(error, subprocess.TimeoutExpired):
            raise
        raise CompilerError(f"{name} was ended: no result in {seconds:g} s") from None
    if process.returncode:
        raise CompilerError(f"{name} failed: {_error_line(errors, process.returncode)}")
    return out


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends the process with its group: the compiler proper is a child of the one that we start."""
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()


def _error_line(errors: bytes, code: int) -> str:
    lines = [line.strip() for line in errors.decode(errors="replace").splitlines()]
    first = next((line for line in lines if "error" in line.lower()), None)
    return first or next(filter(None, lines), f"exit code {code}")
