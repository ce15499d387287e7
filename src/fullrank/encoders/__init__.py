"""From row numbers to embeddings."""

from fullrank.encoders.base import (
    Encoder,
    FreeRows,
    Pair,
    Propagation,
    Rows,
    Some,
    TensorBatch,
    Update,
)
from fullrank.encoders.factored import FactoredLightGCN
from fullrank.encoders.filtered import FilteredRows
from fullrank.encoders.lightgcn import LightGCN
from fullrank.encoders.mf import MF, uniform_table, zeros
from fullrank.encoders.spectral import (
    SpectralEncoder,
    Svd,
    most_pairs,
    smooth_vectors,
    truncated_svd,
)
from fullrank.encoders.whole import WholeItems

__all__ = [
    "MF",
    "Encoder",
    "FactoredLightGCN",
    "FilteredRows",
    "FreeRows",
    "LightGCN",
    "Pair",
    "Propagation",
    "Rows",
    "Some",
    "SpectralEncoder",
    "Svd",
    "TensorBatch",
    "Update",
    "WholeItems",
    "most_pairs",
    "smooth_vectors",
    "truncated_svd",
    "uniform_table",
    "zeros",
]
