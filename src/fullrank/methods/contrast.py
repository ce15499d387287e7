"""What SGL and LightGCL share: LightGCN with a contrast between two views of the graph."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor

from fullrank.methods.base import SampledMethod


class GraphContrast(SampledMethod):
    """LightGCN with InfoNCE between two views."""

    contrast: float = Field(0.1, ge=0)
    """Weight λ₁ of InfoNCE between the views."""
    temperature: float = Field(0.2, gt=0)
    """Temperature τ that divides the cosines."""
    contrast_with: Literal["batch", "all"] = "batch"
    """Rows in the denominator of InfoNCE: the batch's, or every row, as the papers sum."""

    @model_validator(mode="after")
    def _on_a_graph(self) -> GraphContrast:
        if self.encoder != "lightgcn" or self.propagation != "exact":
            raise ValueError("encoder = lightgcn and propagation = exact: views are of the graph")
        return self


def distinct(rows: Tensor) -> Tensor:
    """Each row number once, ascending."""
    found: Tensor = torch.unique(rows)
    return found
