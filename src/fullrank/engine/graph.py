"""Steps on LightGCN: compiled code between the hops forward and the hops backward."""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fullrank import native
from fullrank.data.sampling import Batch
from fullrank.encoders import Encoder, Pair, Propagation, Some, Update
from fullrank.engine.batches import on_device, step_of
from fullrank.engine.compiled import keys_of, negative_steps, no_kernel, pair_steps, watch_of
from fullrank.engine.step import Optimizer, Step, catch_up


class GraphEngine:
    """Steps without autograd: propagated rows, compiled gradient of the loss, hops, update."""

    name: ClassVar[str] = "graph"
    most = 1

    def __init__(self, step: Step, encoder: Encoder, optimizer: Optimizer) -> None:
        if encoder.propagation is None:
            raise TypeError("an encoder that propagates is needed")
        self.description = step
        self.encoder = encoder
        self.optimizer = optimizer
        self.propagation: Propagation = encoder.propagation

    @classmethod
    def supports(cls, step: Step, encoder: Encoder, optimizer: Optimizer) -> str | None:
        """See `fullrank.engine.step.Engine.supports`."""
        del optimizer
        if encoder.propagation is None:
            return "nothing is propagated"
        return no_kernel(step, encoder)

    def steps(self, batches: Batch, lr: float, losses: Tensor) -> None:
        """See `fullrank.engine.step.Engine.steps`."""
        for step in range(len(batches.user_idx)):
            catch_up(self.optimizer, self.encoder, None, lr)
            loss, updates = self.gradients(step_of(batches, step))
            for update in updates:
                table = self.encoder.parameters[update.name]
                self.optimizer.step(update.name, table, update.rows, update.grad, lr)
            losses += loss

    def gradients(self, batch: Batch) -> tuple[float, list[Update]]:
        """The loss of a batch, and what it asks of the raw tables."""
        if batch.negative_idx is None:
            loss, at, grads = self._alone(batch)
        else:
            loss, at, grads = self._against(batch, batch.negative_idx)
        tensors = on_device(batch, "cpu")
        return loss, self.propagation.updates_at(at, grads, tensors, self.description.decay)

    def _alone(self, batch: Batch) -> tuple[float, Some, Pair]:
        at = torch.from_numpy(batch.user_idx), torch.from_numpy(batch.item_idx)
        pair = torch.stack(self.propagation.rows_at(at))
        watch = watch_of(self.description)
        if watch is not None:
            watch(pair, torch.stack(at))
        loss, grads = self._pair_steps.gradients(pair.numpy(), batch.user_idx, batch.item_idx)
        return loss, at, (torch.from_numpy(grads[0]), torch.from_numpy(grads[1]))

    def _against(self, batch: Batch, negatives: NDArray[np.int64]) -> tuple[float, Some, Pair]:
        """Where a batch draws more items than there are, the kernel gets each item's row once."""
        items = np.concatenate((batch.item_idx, negatives.ravel()))
        every = self._every_item
        at = torch.from_numpy(batch.user_idx), None if every else torch.from_numpy(items)
        users, rows = (each.numpy() for each in self.propagation.rows_at(at))
        own = np.arange(len(users))
        slots = batch.item_idx, negatives
        if not every:
            slots = own, np.arange(len(users), len(items)).reshape(negatives.shape)
        keys = keys_of(batch, self.description)
        loss, grads = self._negative_steps.gradients((users, rows), own, *slots, keys)
        return loss, at, (torch.from_numpy(grads[0]), torch.from_numpy(grads[1]))

    @property
    def _drawn_items(self) -> int:
        """Items of a batch, repeated ones included."""
        step = self.description
        times = 1 if step.shared_negatives else step.batch_size
        return step.batch_size + times * step.negatives

    @property
    def _every_item(self) -> bool:
        return self._drawn_items >= self.encoder.shape[1]

    @cached_property
    def _pair_steps(self) -> native.PairSteps:
        return pair_steps(self.description, self.encoder.shape)

    @cached_property
    def _negative_steps(self) -> native.NegativeSteps:
        _, items, dim = self.encoder.shape
        rows = items if self._every_item else self._drawn_items
        return negative_steps(self.description, (self.description.batch_size, rows, dim))
