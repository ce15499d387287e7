"""The heart: measure the spectrum of embeddings, and keep it balanced while they are trained.

Needs torch and nothing else of fullrank: any training loop can use it.
"""

from fullrank.spectrum.adaptive import AdaptiveDirectSpecPlus
from fullrank.spectrum.allpass import balance_spectrum
from fullrank.spectrum.balance import DirectSpec, DirectSpecPlus
from fullrank.spectrum.figures import Figures
from fullrank.spectrum.functions import mean_log_sum_exp_dots
from fullrank.spectrum.logdet import log_det_divergence
from fullrank.spectrum.measure import (
    alignment,
    correlation,
    effective_rank,
    singular_values,
    uniformity,
)
from fullrank.spectrum.report import Spectrum
from fullrank.spectrum.rows import unit_rows
from fullrank.spectrum.tau import AttentionTau

__all__ = [
    "AdaptiveDirectSpecPlus",
    "AttentionTau",
    "DirectSpec",
    "DirectSpecPlus",
    "Figures",
    "Spectrum",
    "alignment",
    "balance_spectrum",
    "correlation",
    "effective_rank",
    "log_det_divergence",
    "mean_log_sum_exp_dots",
    "singular_values",
    "uniformity",
    "unit_rows",
]
