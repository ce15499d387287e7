"""What a measure returns, or why it cannot."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Value:
    """What came out.

    Args:
        value: The number that is judged.
        said: What it means where it is beyond its limit.
        detail: Numbers behind it.
    """

    value: float
    said: str
    detail: dict[str, Any] = field(default_factory=dict)


class Unmeasured(Exception):  # noqa: N818 - no error: a model may lack what a check needs
    """Why a check has no value."""
