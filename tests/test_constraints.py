"""constraints.txt holds on every machine, and for everything that is depended on."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
PINS = dict(
    line.split("==") for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines() if line
)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def canonical(name: str) -> str:
    """A package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def required() -> set[str]:
    """The packages that pyproject.toml names, extras included, without the project itself."""
    wanted = [*PROJECT["dependencies"]]
    for extra in PROJECT["optional-dependencies"].values():
        wanted += extra
    names = {canonical(re.match(r"[\w.-]+", each)[0]) for each in wanted}
    return names - {canonical(PROJECT["name"])}


def test_no_pin_has_a_local_version():
    """``2.13.0+cpu`` is on the index of one machine and not on the public one."""
    assert not [f"{name}=={version}" for name, version in PINS.items() if "+" in version]


def test_every_dependency_is_pinned():
    pinned = {canonical(name) for name in PINS}
    assert "torch" in pinned
    assert not required() - pinned
