"""From row numbers to embeddings."""

from fullrank.encoders.above_chance import chance_edge, pairs_above_chance
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
from fullrank.encoders.block_svd import Triplets, svd_bytes
from fullrank.encoders.factored import FactoredLightGCN
from fullrank.encoders.filtered import FilteredRows
from fullrank.encoders.least_squares import (
    Basis,
    Observed,
    WholeLoss,
    in_own_basis,
    least_squares_bytes,
    solved,
    wide,
)
from fullrank.encoders.lightgcn import LightGCN
from fullrank.encoders.mf import MF, uniform_table, zeros
from fullrank.encoders.spectral import (
    SpectralEncoder,
    Svd,
    most_pairs,
    singular_triplets,
    smooth_vectors,
    truncated_svd,
)
from fullrank.encoders.thresholds import WithThresholds
from fullrank.encoders.whole import WholeItems

__all__ = [
    "MF",
    "Basis",
    "Encoder",
    "FactoredLightGCN",
    "FilteredRows",
    "FreeRows",
    "LightGCN",
    "Observed",
    "Pair",
    "Propagation",
    "Rows",
    "Some",
    "SpectralEncoder",
    "Svd",
    "TensorBatch",
    "Triplets",
    "Update",
    "WholeItems",
    "WholeLoss",
    "WithThresholds",
    "chance_edge",
    "in_own_basis",
    "least_squares_bytes",
    "most_pairs",
    "pairs_above_chance",
    "singular_triplets",
    "smooth_vectors",
    "solved",
    "svd_bytes",
    "truncated_svd",
    "uniform_table",
    "wide",
    "zeros",
]
