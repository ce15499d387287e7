"""Methods that align pairs and spread all rows."""

from __future__ import annotations

from pydantic import Field, model_validator

from fullrank.data.interactions import Interactions
from fullrank.data.memory import check_memory
from fullrank.methods.base import PairMethod


class SpreadMethod(PairMethod):
    """Alignment of pairs and a spread of all rows."""

    gamma: float = Field(default=1.0, ge=0)
    """Weight γ of the spread."""

    @model_validator(mode="after")
    def _enough_rows(self) -> SpreadMethod:
        if self.batch_size < 2:
            raise ValueError("batch_size of at least 2, for rows to spread")
        return self

    def _check_memory(self, data: Interactions) -> None:
        super()._check_memory(data)
        found = f"distances of {self.batch_size:,} × {self.batch_size:,} rows"
        check_memory("setting batch_size", 4 * self.batch_size**2, found)
