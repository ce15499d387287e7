"""CCL: the cosine contrastive loss of SimpleX, on matrix factorisation or LightGCN."""

from __future__ import annotations

from pydantic import Field

from fullrank import objectives
from fullrank.engine.step import Loss
from fullrank.methods.base import Sampled, SampledMethod
from fullrank.methods.space import ADAM, Span


class CCL(SampledMethod):
    """The cosine contrastive loss."""

    name = "ccl"
    summary = "cosine of pairs high, of many sampled ones below a margin"
    source = "SimpleX, Mao et al., CIKM 2021, equation 1"
    family = "sampled negatives"
    space = {**ADAM, "margin": Span(0.0, 0.95), "weight": Span(30.0, 1000.0, log=True)}
    defaults = {"batch_size": 512, "lr": 0.01, "optimizer": "adam", "negatives": 1000}
    cosine = True

    margin: float = Field(default=0.1, ge=-1, le=1)
    """Cosine m up to which a negative is left alone."""
    weight: float = Field(default=300.0, ge=0)
    """Weight w of the negatives."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of the numbers of a unit user row that a step leaves out."""
    shared_negatives: bool = False
    """Draw N items for all pairs of a batch together, whoever has interacted with them: a step is
    then quick with thousands."""

    def build_loss(self) -> Loss:
        """``1 - cos`` of pairs, and a weighted hinge on the cosines of negatives."""
        return Loss.of_triples(objectives.ccl, "ccl", margin=self.margin, weight=self.weight)

    @property
    def sampled(self) -> Sampled:
        """N items of each pair, or of the batch."""
        return Sampled(self.negatives, self.shared_negatives)

    @property
    def user_dropout(self) -> float:
        """As set."""
        return self.dropout
