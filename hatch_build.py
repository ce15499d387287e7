"""Puts compiled kernels into wheels, if there is a C++ compiler.

``FULLRANK_PURE=1`` builds a wheel without them, for any machine; ``FULLRANK_PURE=0`` fails where
they cannot be compiled, for those who publish wheels.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import shutil
import sys
import sysconfig
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

COMPILER = Path("src/fullrank/native/compiler.py")
LIBRARIES = "fullrank/native/lib"


class KernelsHook(BuildHookInterface[Any]):
    """Compiles the builds of this machine and marks the wheel as one for it."""

    folder: str | None = None

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compiles before the wheel is put together."""
        pure = os.environ.get("FULLRANK_PURE", "")
        if version == "editable" or pure == "1":
            return
        compiler = _module(Path(self.root) / COMPILER)
        tag = _platform()
        self.folder = tempfile.mkdtemp(prefix="fullrank-wheel-")
        try:
            flags = _flags_of(tag)
            libraries = compiler.compile_packaged(Path(self.folder), _machine_of(tag), flags)
        except compiler.CompilerError as error:
            self.finalize()
            if pure == "0":
                raise
            self.app.display_warning(f"fullrank: a wheel without compiled kernels: {error}")
            return
        if libraries:
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{re.sub('[^a-z0-9]', '_', tag.lower())}"
            for library in libraries:
                build_data["force_include"][str(library)] = f"{LIBRARIES}/{library.name}"

    def finalize(self, *_: Any) -> None:
        """Removes what was compiled, now that the wheel has it."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)


def _module(path: Path) -> ModuleType:
    """The module alone: the package around it is not installed yet."""
    spec = importlib.util.spec_from_file_location("compiler_of_kernels", path)
    if spec is None or spec.loader is None:
        raise ImportError(str(path))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _platform() -> str:
    """Like ``linux-x86_64`` or ``macosx-11.0-arm64``; cibuildwheel sets the latter by variables."""
    name = sysconfig.get_platform()
    return name.replace("universal2", platform.machine())


def _machine_of(tag: str) -> str:
    return next((each for each in ("x86_64", "aarch64", "arm64") if tag.endswith(each)), "")


def _flags_of(tag: str) -> list[str]:
    """On macOS: for which processor, which may be another than this one, and which system."""
    if sys.platform != "darwin":
        return []
    _, system, machine = tag.split("-", 2)
    return ["-arch", machine, f"-mmacosx-version-min={system}"]
