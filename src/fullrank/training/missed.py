"""What dense Adam does to a row in the steps that do not draw it, at the cost of one step.

Let a row be drawn last in step t, with moments m and v, and be missed K times. Its gradient is zero
in those steps, so dense Adam takes it from x to

    x - lr · m · Σ_k  β₁ᵏ / (1 - β₁^{t+k}) / (√v / c_k + ε),   c_k = √(1 - β₂^{t+k}) / β₂^{k/2},

k from 1 to K, and its moments to β₁ᴷ m and β₂ᴷ v. With the weights w_k = c_k β₁ᵏ / (1 - β₁^{t+k})
the sum is Σ_k w_k / (√v + ε c_k). It depends on the element by √v alone, and where ε = 0 it is
Σ_k w_k / √v. With ε the c_k matter too. They are near one another, for w_k falls off as β₁ᵏ, and
two factors with two weights (Gauss quadrature) stand for all of them and serve every √v: those that
have the same moments M_j = Σ_k w_k c_kʲ for j from 0 to 3.

The M_j are differences of two tails, M_j = F_j(t) - ρ_jᴷ F_j(t + K) with ρ_j = β₁ β₂^{-(j+1)/2} and
F_j(t) = Σ_{k≥1} ρ_jᵏ (1 - β₂^{t+k})^{(j+1)/2} / (1 - β₁^{t+k}), which depend on t alone, and not
even on that once the bias corrections are 1. So a row costs a few numbers and no loop over K.
``missed.h`` has the same in C++.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from scipy.signal import lfilter
from torch import Tensor

POWERS = np.arange(1, 5) / 2
"""Powers of the second bias correction in the four tails."""
ONE_NODE = 1e-10
"""Square of the relative spread of the c_k below which one of them stands for all."""


class Nodes(NamedTuple):
    """Two weights and two factors of ε for each row: ``Σ_n weight_n / (√v + ε factor_n)``."""

    weights: tuple[Tensor, Tensor]
    factors: tuple[Tensor, Tensor]


class MissedSteps:
    """The sums over missed steps for one pair of β.

    Args:
        beta1: β₁ of the first moment.
        beta2: β₂ of the second; above √β₁, or the tails have no end.
    """

    def __init__(self, beta1: float, beta2: float) -> None:
        if not 0 < beta1 < beta2**2 < 1:
            raise ValueError(f"betas: found {beta1} and {beta2}; expected 0 < beta1 < beta2² < 1")
        self.beta1, self.beta2 = beta1, beta2
        self.ratios = beta1 * beta2**-POWERS

    @cached_property
    def tails(self) -> Tensor:
        """(S, 4) float64: F_j(t) for t below S - 1, and from there on."""
        settled = math.ceil(math.log(1e-17) / math.log(self.beta2))
        beyond = math.ceil(math.log(1e-18) / math.log(self.ratios[-1]))
        step = np.arange(1, settled + beyond + 1, dtype=np.float64)
        first = -np.expm1(step * math.log(self.beta1))
        second = -np.expm1(step * math.log(self.beta2))
        # F(t) = ρ (g(t + 1) + F(t + 1)), from the far end back.
        columns = [
            lfilter([ratio], [1, -ratio], (second**power / first)[::-1])[::-1][: settled + 1]
            for ratio, power in zip(self.ratios, POWERS, strict=True)
        ]
        return torch.from_numpy(np.stack(columns, axis=1))

    def nodes(self, last: Tensor, now: int) -> Nodes:
        """The quadrature of rows drawn last in step ``last``, (m, 1) int64 below ``now``."""
        tails, end = self.tails.to(last.device), len(self.tails) - 1
        ratios = torch.from_numpy(self.ratios).to(last.device)
        missed = (now - last).double()
        sums = tails[last[:, 0].clamp_max(end)] - ratios**missed * tails[min(now, end)]
        total = sums[:, :1]
        mean, second, third = (sums[:, j : j + 1] / total for j in (1, 2, 3))
        spread = second - mean**2
        several = spread > ONE_NODE * mean**2
        spread = torch.where(several, spread, 0)
        skew = third - 3 * mean * second + 2 * mean**3
        half = torch.where(several, skew / (2 * spread), 0)
        root = (half**2 + spread).sqrt()
        share = torch.where(several, (root - half) / (2 * root), 1)
        return Nodes((share * total, (1 - share) * total), (mean + half + root, mean + half - root))
