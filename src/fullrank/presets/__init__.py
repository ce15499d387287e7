"""Named settings for a method on a data set: one TOML file a data set, read when first asked for.

The values are facts of the runs they come from.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from fullrank.data.sources.address import shown
from fullrank.errors import SettingError
from fullrank.methods import Method, build_method
from fullrank.settings import nearest

Key = tuple[str, str, str]
"""Name of the preset, method, data set."""


@cache
def presets() -> Mapping[Key, Mapping[str, Any]]:
    """All presets: the settings of each."""
    found: dict[Key, Mapping[str, Any]] = {}
    for file in sorted(resources.files(__name__).iterdir(), key=lambda file: file.name):
        data, _, suffix = file.name.rpartition(".")
        if suffix == "toml":
            for name, methods in tomllib.loads(file.read_text(encoding="utf-8")).items():
                found |= {(name, method, data): values for method, values in methods.items()}
    return found


def preset_named(name: str, method: str, data: str) -> Mapping[str, Any]:
    """The settings of that preset for a method on a data set.

    Raises:
        SettingError: there is none; the message says which there are.
    """
    known = presets()
    if (name, method, data) in known:
        return known[name, method, data]
    names = {key[0] for key in known}
    if name not in names:
        raise SettingError("preset", repr(name), nearest(name, names))
    pairs = ", ".join(f"{key[1]} on {key[2]}" for key in known if key[0] == name)
    raise SettingError(f"preset {name}", f"{method} on {shown(data)}", f"one of: {pairs}")


def method_with(method: str | Method, preset: str | None, settings: Mapping[str, Any]) -> Method:
    """A method with its settings: those of the preset, and over them those that are given.

    Args:
        method: A name of the method table, or a method with settings, which has no preset.
        preset: A preset's name and the data set it is for, ``published:citeulike``.
        settings: Values that win over the preset's.

    Raises:
        SettingError: a name is unknown, a value is out of bounds or two contradict each other.
    """
    if isinstance(method, Method):
        if preset is not None:
            raise SettingError("preset", repr(preset), "a method's name, which a preset is for")
        return method.replace(**settings) if settings else method
    if not isinstance(method, str):
        kind = f"the class {method.__name__}" if isinstance(method, type) else repr(method)
        raise SettingError("method", kind, "a name, or a method with its settings: BPR(lr=0.1)")
    values: dict[str, Any] = {}
    if preset is not None:
        name, _, data = preset.partition(":")
        values.update(preset_named(name, method, data))
    return build_method(method, values | dict(settings))
