"""``fullrank doctor``: what this installation runs on, and what to do about what is not well."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import typer

from fullrank.cli import options
from fullrank.cli.machine import SECTIONS, Facts
from fullrank.cli.output import Output

NAME = "doctor"
LITTLE = 2**30
"""Bytes of free memory below which somebody should know."""
GET_COMPILER = (
    "install a C++ compiler (Debian: apt-get install g++; Fedora: dnf install gcc-c++; macOS: "
    "xcode-select --install), or a wheel for this machine that has the kernels in it"
)


def command(as_json: options.Json = False) -> None:
    """Show versions, kernels, compiler, threads, memory, folders and GPU, and what to do."""
    output = Output(as_json)
    document: dict[str, Any] = {name: _tried(look) for name, look in SECTIONS.items()}
    document["advice"] = list(_advice(document))

    def show() -> None:
        for name in SECTIONS:
            for at, line in enumerate(_lines(name, document[name])):
                typer.echo(f"{'' if at else name:10} {line}")
        typer.echo("\nwhat to do" if document["advice"] else "\nall is well")
        for each in document["advice"]:
            typer.echo(f"- {each}")

    output.result(document, show)


def _tried(look: Callable[[], Facts]) -> Facts:
    """What was found, or the error: on an odd machine the rest is wanted all the more."""
    try:
        return look()
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


def _advice(document: dict[str, Facts]) -> Iterator[str]:
    for name, facts in document.items():
        if "error" in facts:
            yield f"{name} could not be looked at: {facts['error']}"
    for name, error in document["versions"].get("errors", {}).items():
        yield f"{name} cannot be imported ({error}): install it anew"
    yield from _advice_on_kernels(document["kernels"], document["compiler"])
    yield from _advice_on_folders(document["cache"], document["built"])
    threads, memory, gpu = (document[name] for name in ("threads", "memory", "gpu"))
    torch, usable = threads.get("torch", 1), threads.get("usable", 1)
    if torch > usable:
        yield f"torch takes {torch} threads for {usable} cores: set OMP_NUM_THREADS={usable}"
    if torch < usable and threads.get("OMP_NUM_THREADS"):
        yield f"torch takes {torch} of {usable} cores: unset OMP_NUM_THREADS, or use --threads"
    free = [memory[name] for name in ("available", "limit") if memory.get(name)]
    if free and min(free) < LITTLE:
        yield f"{_size(min(free))} of memory: end other programs, or take smaller data"
    if gpu.get("driver") and not gpu.get("devices"):
        yield "there is an NVIDIA driver but torch sees no GPU: install a build of torch with CUDA"


def _advice_on_kernels(kernels: Facts, compiler: Facts) -> Iterator[str]:
    from fullrank.native.build import VARIABLE

    if kernels.get("variable") == "0":
        yield f"{VARIABLE} is 0, so torch does the work of the kernels: unset it for speed"
    elif kernels.get("state", "").startswith("torch"):
        if compiler.get("command") is None:
            yield f"no compiled kernels: {GET_COMPILER}"
        else:
            yield f"no compiled kernels, {kernels['state']}: try another compiler, CXX=clang++"


def _advice_on_folders(cache: Facts, built: Facts) -> Iterator[str]:
    from fullrank.native.folder import VARIABLE

    if not cache.get("writable", True):
        yield f"{cache['path']} cannot be written: name a folder for data in FULLRANK_CACHE"
    if built.get("trouble"):
        yield f"{built['trouble']}: name a folder of your own for kernels in {VARIABLE}"
    elif not built.get("writable", True):
        yield f"{built['path']} cannot be written: name a folder for kernels in {VARIABLE}"


def _lines(section: str, facts: Facts) -> Iterator[str]:
    if "error" in facts:
        yield facts["error"]
    elif section in SHOWN:
        yield from SHOWN[section](facts)
    else:
        yield ", ".join(f"{name} {value}" for name, value in facts.items() if value is not None)


def _show_kernels(facts: Facts) -> Iterator[str]:
    yield facts["state"]
    if facts["file"]:
        yield facts["file"]
    if facts["runs"]:
        yield f"this processor runs {facts['runs']}"


def _show_folder(facts: Facts) -> Iterator[str]:
    if facts["path"]:
        writable = "writable" if facts["writable"] else "cannot be written"
        yield f"{facts['path']}, {_size(facts['bytes'])}, {writable}"
    if facts.get("trouble"):
        yield facts["trouble"]


SHOWN: dict[str, Callable[[Facts], Iterator[str]]] = {
    "kernels": _show_kernels,
    "compiler": lambda facts: iter(
        [facts.get("trouble") or "{command}: {version}".format(**facts)]
    ),
    "memory": lambda facts: iter(
        [", ".join(f"{name} {_size(value)}" for name, value in facts.items() if value)]
    ),
    "cache": _show_folder,
    "built": _show_folder,
    "gpu": lambda facts: iter([", ".join(facts["devices"]) or "none that torch can use"]),
    "extras": lambda facts: (
        f"{name}: " + ("installed" if there else f"pip install 'fullrank[{name}]'")
        for name, there in facts.items()
    ),
}


def _size(count: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:,.1f} {unit}"
        count /= 1024
    return f"{count:,.1f} GiB"
