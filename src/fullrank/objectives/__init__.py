"""Losses: pure functions of tensors, each its formula."""

from fullrank.objectives.contrastive import (
    ccl,
    cl_rec,
    info_nce,
    lightgcl,
    sgl,
    softmax,
    softmax_at,
)
from fullrank.objectives.decorrelation import (
    balance_loss,
    decorrelated_log_positive,
    decorrelation,
    self_paced_decorrelation,
)
from fullrank.objectives.pairwise import adaptive_bpr, bce, bce_unobserved, bpr, euclidean
from fullrank.objectives.positive import (
    euclidean_positive,
    log_positive,
    penalised_log_positive,
)
from fullrank.objectives.uniformity import direct_au, log_det
from fullrank.objectives.whole_data import enmf

__all__ = [
    "adaptive_bpr",
    "balance_loss",
    "bce",
    "bce_unobserved",
    "bpr",
    "ccl",
    "cl_rec",
    "decorrelated_log_positive",
    "decorrelation",
    "direct_au",
    "enmf",
    "euclidean",
    "euclidean_positive",
    "info_nce",
    "lightgcl",
    "log_det",
    "log_positive",
    "penalised_log_positive",
    "self_paced_decorrelation",
    "sgl",
    "softmax",
    "softmax_at",
]
