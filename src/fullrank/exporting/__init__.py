"""A model's embeddings for other programs: files of numbers, indexes, databases, a graph."""

from fullrank.exporting.export import Exported, export
from fullrank.exporting.settings import TARGETS, ExportSettings
from fullrank.exporting.verify import Verified, verify

__all__ = ["TARGETS", "ExportSettings", "Exported", "Verified", "export", "verify"]
