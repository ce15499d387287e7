"""Whether the parts of a split are draws of one kind, and what a difference is worth."""

from fullrank.auditing.provenance import with_provenance as with_provenance
from fullrank.auditing.report import Audit, audit, draw_of

__all__ = ["Audit", "audit", "draw_of"]
