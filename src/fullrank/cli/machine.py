"""What a machine offers: each section of ``fullrank doctor`` as plain values for JSON.

A section may raise anything: on an odd machine the others are shown all the more.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import platform
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

PACKAGES = ("fullrank", "torch", "numpy", "polars", "scipy")
EXTRAS = {"plot": ("matplotlib",), "tune": ("optuna", "matplotlib")}

Facts = dict[str, Any]


def _versions() -> Facts:
    found: Facts = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = str(importlib.import_module(name).__version__)
        except Exception as error:
            found[name] = None
            found.setdefault("errors", {})[name] = f"{type(error).__name__}: {error}"
    return found


def _machine() -> Facts:
    lines = _text(Path("/proc/cpuinfo")).splitlines()
    models = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return {
        "system": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "processor": next(models, platform.processor()),
    }


def _kernels() -> Facts:
    from fullrank.native import build

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the trouble is reported below
        loaded = build.loaded()
    level = build.cpu_level(loaded.kernels) if loaded.kernels is not None else 0
    return {
        "state": loaded.state,
        "file": str(loaded.file) if loaded.file else None,
        "runs": f"x86-64-v{level}" if level else None,
        "variable": os.environ.get(build.VARIABLE),
        "trouble": loaded.trouble or None,
    }


def _compiler() -> Facts:
    from fullrank.native.compiler import CompilerError, compiler, run

    try:
        words = compiler()
        version = run([*words, "--version"], seconds=30).decode(errors="replace").splitlines()
    except CompilerError as error:
        return {"command": None, "trouble": str(error)}
    return {"command": " ".join(words), "version": next(iter(version), "")}


def _threads() -> Facts:
    affinity = getattr(os, "sched_getaffinity", None)
    cores = os.cpu_count() or 1
    return {
        "cores": cores,
        "usable": len(affinity(0)) if affinity else cores,
        "torch": importlib.import_module("torch").get_num_threads(),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS"),
    }


def _memory() -> Facts:
    """Bytes; None where the machine does not say."""
    lines = (line.split() for line in _text(Path("/proc/meminfo")).splitlines())
    kibibytes = {words[0].rstrip(":"): int(words[1]) for words in lines if len(words) > 1}
    total = kibibytes.get("MemTotal", 0) * 1024
    if not total and hasattr(os, "sysconf"):
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limit = _text(Path("/sys/fs/cgroup/memory.max")).strip()  # of a container
    return {
        "total": total or None,
        "available": kibibytes.get("MemAvailable", 0) * 1024 or None,
        "limit": int(limit) if limit.isdigit() else None,
    }


def _cache() -> Facts:
    from fullrank.data.files import cache_folder

    path = cache_folder()
    return {"path": str(path), "bytes": _bytes(path), "writable": _writable(path)}


def _kernels_folder() -> Facts:
    from fullrank.native import folder

    try:
        path = folder.usual()
    except folder.RefusedError as error:
        return {"path": None, "trouble": str(error)}
    found = {"path": str(path), "bytes": _bytes(path), "writable": _writable(path)}
    try:
        if path.exists():
            folder.opened(path)
    except OSError as error:
        return {**found, "trouble": str(error)}
    return {**found, "trouble": None}


def _gpu() -> Facts:
    torch = importlib.import_module("torch")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return {
        "devices": [torch.cuda.get_device_name(index) for index in range(count)],
        "cuda": torch.version.cuda,
        "driver": shutil.which("nvidia-smi") is not None,
    }


def _extras() -> Facts:
    return {name: all(map(importlib.util.find_spec, needed)) for name, needed in EXTRAS.items()}


SECTIONS: dict[str, Callable[[], Facts]] = {
    "versions": _versions,
    "machine": _machine,
    "kernels": _kernels,
    "compiler": _compiler,
    "threads": _threads,
    "memory": _memory,
    "cache": _cache,
    "built": _kernels_folder,
    "gpu": _gpu,
    "extras": _extras,
}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _writable(folder: Path) -> bool:
    """Whether it can be written, or made where it is not there yet."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)
