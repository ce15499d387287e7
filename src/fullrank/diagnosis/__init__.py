"""What is wrong with an embedding table, why, what it costs and what would help."""

from fullrank.diagnosis.report import Diagnosis
from fullrank.diagnosis.tables import Table

__all__ = ["Diagnosis", "Table"]
