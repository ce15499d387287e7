"""CL-Rec: BPR, and InfoNCE that pushes the rows of a batch apart."""

from __future__ import annotations

from pydantic import Field

from fullrank import objectives
from fullrank.engine.step import Loss
from fullrank.methods.base import SampledMethod
from fullrank.methods.space import SGD, Span


class CLRec(SampledMethod):
    """BPR with InfoNCE."""

    name = "cl-rec"
    summary = "BPR, and InfoNCE that spreads the rows of a batch"
    source = "Yao et al., CIKM 2021, as compared in Peng et al., DirectSpec"
    family = "sampled negatives"
    space = {
        **SGD,
        "contrast": Span(1e-3, 1.0, log=True),
        "temperature": Span(0.05, 1.0, log=True),
    }

    contrast: float = Field(default=0.1, ge=0)
    """Weight of InfoNCE."""
    temperature: float = Field(default=0.2, gt=0)
    """Temperature that divides the cosines."""

    def build_loss(self) -> Loss:
        """BPR plus weighted InfoNCE."""
        return Loss.of_triples(
            objectives.cl_rec, contrast=self.contrast, temperature=self.temperature
        )
