"""From row numbers to embeddings."""

from fullrank.encoders.base import Encoder, Rows, TensorBatch, Update
from fullrank.encoders.mf import MF, uniform_table

__all__ = ["MF", "Encoder", "Rows", "TensorBatch", "Update", "uniform_table"]
