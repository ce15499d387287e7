"""What SGL and LightGCL share: LightGCN with a contrast between two views of the graph."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor

from fullrank.encoders import Pair, TensorBatch
from fullrank.methods.base import SampledMethod


class GraphContrast(SampledMethod):
    """LightGCN with InfoNCE between two views."""

    contrast: float = Field(default=0.1, ge=0)
    """Weight λ₁ of InfoNCE between the views."""
    temperature: float = Field(default=0.2, gt=0)
    """Temperature τ that divides the cosines."""
    contrast_with: Literal["batch", "all"] = "batch"
    """Rows in the denominator of InfoNCE: the batch's, or every row, as the papers sum."""

    contrast_rows: Literal["distinct", "drawn"] = "distinct"
    """Contrast each row of the batch once, or as often as the batch has it, as SGL's program does
    beside ``contrast_with = all``."""
    contrast_negatives: bool = False
    """Contrast the sampled items beside those of the pairs, as LightGCL's program does."""

    @model_validator(mode="after")
    def _on_a_graph(self) -> GraphContrast:
        if self.encoder != "lightgcn" or self.propagation != "exact":
            raise ValueError("encoder = lightgcn and propagation = exact: views are of the graph")
        return self

    def contrasted(self, batch: TensorBatch) -> Pair:
        """Row numbers of the users and of the items whose views are compared."""
        users, items = batch.user_idx, batch.item_idx
        if self.contrast_negatives and batch.negative_idx is not None:
            items = torch.cat((items, batch.negative_idx.flatten()))
        if self.contrast_rows == "drawn":
            return users, items
        return distinct(users), distinct(items)


def distinct(rows: Tensor) -> Tensor:
    """Each row number once, ascending."""
    found: Tensor = torch.unique(rows)
    return found
