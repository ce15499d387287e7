"""Stacked batches: one of them, some of them, and as tensors on a device."""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray

from fullrank.data.sampling import Batch
from fullrank.encoders import TensorBatch


def on_device(batch: Batch, device: str) -> TensorBatch:
    """A batch, or stacked batches, where they train."""
    users, items, negatives = (
        None if part is None else torch.from_numpy(part).to(device, non_blocking=True)
        for part in batch
    )
    assert users is not None  # noqa: S101  # narrows the type; a batch always has pairs
    assert items is not None  # noqa: S101
    return TensorBatch(users, items, negatives)


def step_of(batches: Batch, step: int) -> Batch:
    """One of stacked batches."""
    return Batch(*(None if each is None else each[step] for each in batches))  # type: ignore[arg-type]


def slice_of(batches: Batch, rows: slice) -> Batch:
    """Some of stacked batches."""
    parts: list[NDArray[Any] | None] = [None if each is None else each[rows] for each in batches]
    return Batch(*parts)  # type: ignore[arg-type]
