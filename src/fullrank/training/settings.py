"""How long, how fast and on what pairs a method is trained."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from fullrank.settings import Settings


class TrainingSettings(Settings):
    """Settings of the training loop."""

    epochs: int = Field(default=300, ge=0, lt=2**31)
    """Most epochs; one is ⌊interactions / batch_size⌋ steps, and at least one."""
    batch_size: int = Field(default=256, ge=1, lt=2**31)
    """Positive pairs per step, B."""
    sampler: Literal["users", "interactions"] = "interactions"
    """Draw pairs uniformly over users (as the published runs do) or over interactions."""
    systematic: bool = False
    """Have each pair in an epoch as often as its chance says, up to one, in a new order, and not at
    random: less noise."""
    damping: float = Field(default=0.0, ge=0)
    """Draw popular items less often: the chance of a pair is multiplied by its item's number of
    interactions to the power of minus this."""
    weighted: bool = False
    """Draw pairs in proportion to their weights. Off by default: the papers draw them alike, and a
    rating of one star out of five is no fifth of an interaction."""
    optimizer: Literal["sgd", "adagrad", "adam", "dense-adam"] = "sgd"
    """Update rule; a row that a batch repeats gets the sum of its gradients. Rows that a batch does
    not have stand still, and by ``adam`` their moments and step counts do, too; by ``dense-adam``
    all rows move at each step, as by torch's Adam on whole tables."""
    lr: float = Field(default=10.0, gt=0)
    """Learning rate, on the mean loss of a batch."""
    lr_decay: float = Field(default=1.0, gt=0, le=1)
    """Factor on the learning rate after each epoch."""
    weight_decay: float = Field(default=0.0, ge=0)
    """λ of the penalty λ/2 · mean over the batch of the squared norms of a pair's rows, of which N
    negatives count as one."""
    validate_every: int = Field(default=5, ge=1, lt=2**31)
    """Epochs between two validation checks (ndcg@20), where there is a validation part."""
    patience: int = Field(default=8, ge=1, lt=2**31)
    """Validation checks without a better ndcg@20 after which training stops."""
    checkpoint_every: int = Field(default=10, ge=1, lt=2**31)
    """Epochs between two checkpoints, where there is a file for them."""
    record_correlation: bool = False
    """Record the correlation of users and that of items (equation 14) with each epoch."""
    seed: int = Field(default=0, ge=0, lt=2**64)
    """Seed of initial rows, pairs and negatives."""

    @model_validator(mode="after")
    def _learnable(self) -> TrainingSettings:
        if self.optimizer in ("adam", "dense-adam") and self.lr > 1:
            raise ValueError(
                f"an lr of at most 1 with optimizer = {self.optimizer}, say lr = 0.001"
            )
        return self
