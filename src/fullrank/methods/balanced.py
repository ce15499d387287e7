"""What DirectSpec and DirectSpec+ share: positives alone, on rows that a filter balances."""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from fullrank import objectives
from fullrank.encoders import TensorBatch
from fullrank.engine.step import Loss
from fullrank.methods.base import Family
from fullrank.methods.searched import SearchedMethod


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

    def row_numbers(self, indices: TensorBatch) -> Tensor | None:
        """(2, B) what a balancer that takes rows once goes by; None if it does not."""
        return torch.stack((indices.user_idx, indices.item_idx)) if self.distinct else None

    def build_loss(self) -> Loss:
        """The log loss of observed pairs, and the penalty on balanced rows if there is one."""
        if self.balanced_decay:
            return Loss.of_pairs(objectives.penalised_log_positive, decay=self.balanced_decay)
        return Loss.of_pairs(objectives.log_positive, "log-positive")
