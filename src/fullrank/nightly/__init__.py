"""Fresh models every night: versions side by side, a gate before the one that is served."""

from fullrank.nightly.gate import Gate, Judgement
from fullrank.nightly.versions import CURRENT, Versions

__all__ = ["CURRENT", "Gate", "Judgement", "Versions"]
