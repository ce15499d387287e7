"""What DirectSpec and DirectSpec+ share: positives alone, on rows that a filter balances."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from fullrank import objectives
from fullrank.engine.step import Loss
from fullrank.methods.base import Family, PairMethod


class BalancedMethod(PairMethod):
    """A method whose rows are balanced between encoder and loss."""

    family: ClassVar[Family] = "balanced"

    shrink: float = Field(default=0.0, ge=0)
    """Factor of the rescaling shrink · ‖z‖ · z after balancing; 0 for none."""
    balanced_decay: float = Field(default=0.0, ge=0)
    """λ of the penalty λ · mean over the batch of ‖z_u‖² + ‖z_i‖², on the rows as balanced and
    rescaled; a part of the loss that is reported. The kernels do not have it: steps with it go to
    autograd."""

    def build_loss(self) -> Loss:
        """The log loss of observed pairs, and the penalty on balanced rows if there is one."""
        if self.balanced_decay:
            return Loss.of_pairs(objectives.penalised_log_positive, decay=self.balanced_decay)
        return Loss.of_pairs(objectives.log_positive, "log-positive")
