"""The settings of ``method="auto"``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from fullrank.data.weighting import Way
from fullrank.errors import SettingError
from fullrank.methods import METHODS, Method
from fullrank.methods.base import Family
from fullrank.presets import method_with

WITH_SETTINGS = "directspec+"
"""Whose settings and presets they are that come without a method."""
_TIME = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}


class Auto(Method):
    """Whichever method of the portfolio is best on the validation part.

    It is not in the table of methods: a model that it made is one of the method that won.
    """

    name = "auto"
    summary = "the best of several methods by the validation part, within a time"
    source = "see docs/auto.md"
    family: ClassVar[Family] = "closed form"

    budget: float = Field(default=600.0, gt=0)
    """Seconds that the search may take in all; ``"90s"``, ``"10m"`` and ``"1h"`` are read too."""

    weighting: Literal[Way, "auto"] = "auto"
    """How weights are read, of all that is tried; see `fullrank.methods.Method`."""

    @field_validator("budget", mode="before")
    @classmethod
    def _in_seconds(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        read = _TIME.fullmatch(value.strip())
        if read is None:
            raise ValueError("seconds, or a time like 90s, 10m or 1h")
        return float(read[1]) * _SECONDS[read[2]]


def configured(
    method: str | Method | None, preset: str | None, settings: Mapping[str, Any]
) -> Method:
    """As `fullrank.presets.method_with`, which does not know ``auto``.

    Where no method is named it is the one that `unnamed` says.

    Raises:
        SettingError: a name is unknown, a value is out of bounds or two contradict each other; or a
            setting is of another method than the one it would be.
    """
    if method is None:
        method = unnamed(preset, settings)
    if method != Auto.name:
        if isinstance(method, str) and "budget" in settings and not _has_budget(method):
            found = f"a method beside it, {method}"
            raise SettingError("setting budget", found, "method auto, or no method and no other")
        return method_with(method, preset, settings)
    if preset is not None:
        raise SettingError("preset", f"{preset!r} with method auto", "the method it is for")
    return Auto.build(settings)


def _has_budget(name: str) -> bool:
    """Whether a method has such a setting of its own; of one that does not exist others tell."""
    return name not in METHODS or "budget" in METHODS[name].model_fields


def unnamed(preset: str | None, settings: Mapping[str, Any]) -> str:
    """The method where none is named: ``auto``, or the one that the settings are of.

    That is `WITH_SETTINGS` for all that it has, and for presets, as before there was ``auto``.

    Raises:
        SettingError: a setting is of other methods alone.
    """
    names = [name for name in settings if name not in Auto.model_fields]
    if preset is None and not names:
        return Auto.name
    for name in names:
        owners = [each for each, row in METHODS.items() if name in row.model_fields]
        if owners and WITH_SETTINGS not in owners:
            raise SettingError(f"setting {name}", "no method", f"the one it is for: {owners[0]}?")
    return WITH_SETTINGS
