"""What a model folder says of itself, read with care: a field of another type counts as absent."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def mapping(value: Any) -> dict[str, Any]:
    """The value if it is a mapping, else an empty one."""
    return {str(key): each for key, each in value.items()} if isinstance(value, Mapping) else {}


def mappings(value: Any) -> list[dict[str, Any]]:
    """The mappings in a list, else none."""
    return [mapping(each) for each in value if isinstance(each, Mapping)] if _listed(value) else []


def texts(value: Any) -> list[str]:
    """The strings in a list, else none."""
    return [text(each, 40) for each in value if isinstance(each, str)] if _listed(value) else []


def number(value: Any) -> float | None:
    """The value if it is a finite number, else None."""
    right = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300
    return value if right and math.isfinite(value) else None


def interval(value: Any) -> tuple[float, float] | None:
    """The value if it is two finite numbers, lower end first, else None."""
    if not _listed(value) or len(value) != 2:
        return None
    low, high = number(value[0]), number(value[1])
    return None if low is None or high is None or low > high else (low, high)


def text(value: Any, most: int = 2000) -> str:
    """The value as text of one paragraph, or nothing; cut where it is too long for a page."""
    if value is None:
        return ""
    found = str(value)
    return found if len(found) <= most else found[:most] + "…"


def listed(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Names and values, as they stand in a table of settings."""
    return [(text(name, 100), setting(value)) for name, value in values.items()]


def setting(value: Any) -> str:
    """A value of a setting.

    >>> setting(0.30000000000000004), setting(None), setting(True), setting(["lr", "tau"])
    ('0.3', '–', 'yes', 'lr, tau')
    """
    if value is None or (not value and isinstance(value, str | list | tuple | dict)):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{text(name, 100)} {setting(each)}" for name, each in value.items())
    if _listed(value):
        return ", ".join(setting(each) for each in value)
    return text(value, 300)


def _listed(value: Any) -> bool:
    return isinstance(value, list | tuple)
