"""RP3beta: the walk of P3alpha, with less for popular items."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from fullrank.data.interactions import Interactions
from fullrank.data.weights import item_strength, power
from fullrank.methods.closed_form.p3alpha import P3Alpha
from fullrank.methods.space import Span


class RP3Beta(P3Alpha):
    """P3alpha, divided by a power of the item's degree."""

    name = "rp3beta"
    summary = "the walk of p3alpha, with less for popular items"
    source = "Paudel et al., ACM TiiS 2017, equation 6"
    space = {**P3Alpha.space, "beta": Span(0.0, 1.0)}

    beta: float = Field(default=0.5, ge=0)
    """Exponent β of the degrees that scores are divided by."""

    def discount(self, data: Interactions) -> NDArray[np.float64] | None:
        """``d_i^-β``."""
        return power(item_strength(data), -self.beta)
