"""Tests of how a model behaves, beside how well it ranks on average: `fullrank check`."""

from fullrank.behaviour.checks import Findings, check
from fullrank.behaviour.finding import Finding
from fullrank.behaviour.limits import LIMITS, Limit, limits_of, read_limits

__all__ = ["LIMITS", "Finding", "Findings", "Limit", "check", "limits_of", "read_limits"]
