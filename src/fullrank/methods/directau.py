"""DirectAU: observed pairs close, all rows spread on the sphere."""

from __future__ import annotations

from fullrank import objectives
from fullrank.engine.step import Loss
from fullrank.methods.space import ADAM, Span
from fullrank.methods.spread import SpreadMethod


class DirectAU(SpreadMethod):
    """Alignment and uniformity.

    As in the authors' program, a row that a batch repeats is at distance 0 from itself in the
    uniformity, and the ranking is by inner products of rows as they are, not of unit rows.
    """

    name = "directau"
    summary = "observed pairs close, all rows spread on the sphere"
    source = "Wang et al., KDD 2022, equation 6"
    family = "no negatives"
    space = {**ADAM, "gamma": Span(0.5, 10.0, log=True)}
    defaults = {"optimizer": "adam", "lr": 0.001, "batch_size": 1024}

    def build_loss(self) -> Loss:
        """Alignment plus γ times uniformity."""
        return Loss.of_pairs(objectives.direct_au, gamma=self.gamma)
