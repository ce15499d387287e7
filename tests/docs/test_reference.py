"""The reference, docs/api/, shows every public name; test_site.py builds it."""

from __future__ import annotations

import importlib
import re
import types
from functools import reduce
from pathlib import Path

import pytest

PAGES = Path(__file__).parents[2] / "docs" / "api"
DIRECTIVES = [
    name
    for path in PAGES.glob("*.md")
    for name in re.findall(r"^::: ([\w.]+)$", path.read_text("utf-8"), flags=re.MULTILINE)
]
ROOMS = ("auditing", "data", "diagnosis", "evaluation", "methods", "objectives", "serving")
ROOMS += ("rules", "spectrum")


def resolved(name: str) -> object:
    parts = name.split(".")
    for at in range(len(parts) - 1, 0, -1):
        try:
            module = importlib.import_module(".".join(parts[:at]))
        except ModuleNotFoundError:
            continue
        return reduce(getattr, parts[at:], module)
    raise AssertionError(name)


def public(module: types.ModuleType) -> list[str]:
    names = getattr(module, "__all__", [name for name in dir(module) if name[0] != "_"])
    return [each for each in names if not isinstance(getattr(module, each), types.ModuleType)]


@pytest.fixture(scope="module")
def shown() -> dict[int, str]:
    """The names that the pages show, by what they are."""
    return {id(resolved(name)): name for name in DIRECTIVES}


@pytest.mark.parametrize("room", ["fullrank", *(f"fullrank.{room}" for room in ROOMS)])
def test_every_public_name_is_shown(shown, room):
    module = importlib.import_module(room)
    assert [name for name in public(module) if id(getattr(module, name)) not in shown] == []


def test_errors_are_shown(shown):
    module = importlib.import_module("fullrank.errors")
    errors = [each for each in vars(module).values() if isinstance(each, type)]
    own = [each for each in errors if each.__module__ == module.__name__]
    assert [each.__name__ for each in own if id(each) not in shown] == []


def test_none_is_shown_twice(shown):
    assert len(shown) == len(DIRECTIVES)
