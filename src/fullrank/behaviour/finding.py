"""What one check found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Finding:
    """The value of a check beside its limit.

    Args:
        name: Of the check.
        what: What was measured, in words.
        value: What came out; None where it could not be measured.
        limit: What it is held against; None if nothing.
        at_least: Whether the value has to reach the limit, or not to exceed it.
        passed: Whether it does; None where there is no value or no limit.
        reason: What a failure means, or why there is no value.
        detail: Numbers behind the value.
    """

    name: str
    what: str
    value: float | None
    limit: float | None
    at_least: bool
    passed: bool | None
    reason: str
    detail: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        bound = "at_least" if self.at_least else "at_most"
        return {
            "check": self.name,
            "what": self.what,
            "value": self.value,
            bound: self.limit,
            "passed": self.passed,
            "reason": self.reason,
            "detail": self.detail,
        }

    @property
    def bound(self) -> str:
        """The limit in words."""
        if self.limit is None:
            return "none"
        return f"{'at least' if self.at_least else 'at most'} {self.limit:g}"
