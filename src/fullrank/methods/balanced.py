"""What DirectSpec and DirectSpec+ share: positives alone, on rows that a filter balances."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor

from fullrank import objectives
from fullrank.encoders import TensorBatch
from fullrank.engine.step import Loss
from fullrank.methods.base import Family
from fullrank.methods.searched import SearchedMethod, slope_of


class BalancedMethod(SearchedMethod):
    """A method whose rows are balanced between encoder and loss.

    How much balance a data set wants differs, and α decides it; so it is searched if not given.
    """

    family: ClassVar[Family] = "balanced"

    shrink: float = Field(default=0.0, ge=0)
    """Factor of the rescaling shrink · ‖z‖ · z after balancing; 0 for none."""
    distinct: bool = True
    """Balance each user and each item of a batch once, as the paper's sums do, however often the
    batch has it; else a repeated row is pushed away from its own copies, as in the published
    program. The loss is over the pairs either way."""
    balanced_decay: float = Field(default=0.0, ge=0)
    """λ of the penalty λ · mean over the batch of ‖z_u‖² + ‖z_i‖², on the rows as balanced and
    rescaled; a part of the loss that is reported. The kernels do not have it: steps with it go to
    autograd."""

    balance: Literal["filter", "loss", "alone"] = "filter"
    """How rows are balanced: by the filter between encoder and loss (algorithm 2); in its place
    by α · L_ds in the loss of unit rows (equation 19, with L_ds of equation 14 for ``directspec``
    and of equation 20 for ``directspec+``); or by α · L_ds alone, without observed pairs. In these
    losses each occurrence of a row counts, whatever ``distinct`` says, and kernels lack them."""

    @model_validator(mode="after")
    def _balance_fits(self) -> BalancedMethod:
        if self.balance != "filter" and (self.shrink or self.balanced_decay):
            raise ValueError(f"shrink = 0 and balanced_decay = 0 with balance = {self.balance}")
        return self

    @property
    def slope(self) -> float:
        """By shrink."""
        return slope_of(self.shrink)

    def strength(self) -> dict[str, Any]:
        """``weight``, and ``tau`` if there is one, of the balance as a loss."""
        raise NotImplementedError

    def row_numbers(self, indices: TensorBatch) -> Tensor | None:
        """(2, B) what a balancer that takes rows once goes by; None if it does not."""
        return torch.stack((indices.user_idx, indices.item_idx)) if self.distinct else None

    def build_loss(self) -> Loss:
        """The log loss of observed pairs; with a penalty on balanced rows, or L_ds, if set."""
        if self.balance == "loss":
            return Loss.of_pairs(objectives.decorrelated_log_positive, **self.strength())
        if self.balance == "alone":
            return Loss.of_pairs(objectives.balance_loss, **self.strength())
        if self.balanced_decay:
            return Loss.of_pairs(objectives.penalised_log_positive, decay=self.balanced_decay)
        return Loss.of_pairs(objectives.log_positive, "log-positive")
