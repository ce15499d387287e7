"""Steps on LightGCN: compiled code between the hops forward and the hops backward."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fullrank import native
from fullrank.data.sampling import Batch
from fullrank.encoders import LightGCN, Update
from fullrank.encoders.propagation import Pair, Some
from fullrank.engine.compiled import (
    ClosedForm,
    keys_of,
    negative_steps,
    on_device,
    pair_steps,
    runs_compiled,
    step_of,
)

if TYPE_CHECKING:
    from fullrank.training.optim import Optimizer
    from fullrank.training.settings import TrainingSettings


@dataclass(eq=False)
class GraphEngine:
    """Steps on LightGCN without autograd: rows, the compiled gradient of the loss, hops, update."""

    encoder: LightGCN
    form: ClosedForm
    settings: TrainingSettings
    optimizer: Optimizer
    _pair_steps: native.PairSteps | None = field(default=None, init=False)
    _negative_steps: native.NegativeSteps | None = field(default=None, init=False)

    most = 1

    def steps(self, batches: Batch, lr: float, losses: Tensor) -> None:
        """See `fullrank.engine.compiled.Engine.steps`."""
        for step in range(len(batches.user_idx)):
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
        raw = self.encoder.grads_at(at, grads)
        decay = self.settings.weight_decay / self.settings.batch_size
        return loss, self.encoder.moved(on_device(batch, "cpu"), raw, decay)

    def _alone(self, batch: Batch) -> tuple[float, Some, Pair]:
        at = torch.from_numpy(batch.user_idx), torch.from_numpy(batch.item_idx)
        pair = torch.stack(self.encoder.rows_at(at))
        if self.form.watch is not None:
            self.form.watch(pair)
        if self._pair_steps is None:
            self._pair_steps = pair_steps(self.encoder, self.form, self.settings)
        loss, grads = self._pair_steps.gradients(pair.numpy(), batch.user_idx, batch.item_idx)
        return loss, at, (torch.from_numpy(grads[0]), torch.from_numpy(grads[1]))

    def _against(self, batch: Batch, negatives: NDArray[np.int64]) -> tuple[float, Some, Pair]:
        """Where a batch draws more items than there are, the kernel gets each item's row once."""
        every = batch.item_idx.size + negatives.size >= len(self.encoder.item_table)
        items = None if every else np.concatenate((batch.item_idx, negatives.ravel()))
        at = torch.from_numpy(batch.user_idx), None if items is None else torch.from_numpy(items)
        users, rows = (each.numpy() for each in self.encoder.rows_at(at))
        pairs = len(users)
        if self._negative_steps is None:
            self._negative_steps = negative_steps((pairs, *rows.shape), pairs, negatives, self.form)
        own = np.arange(pairs)
        places = batch.item_idx, negatives
        if items is not None:
            places = own, np.arange(pairs, len(items)).reshape(negatives.shape)
        keys = keys_of(batch, self.form)
        loss, grads = self._negative_steps.gradients((users, rows), own, *places, keys)
        return loss, at, (torch.from_numpy(grads[0]), torch.from_numpy(grads[1]))


def graph_engine(
    encoder: Any, form: ClosedForm | None, settings: TrainingSettings, optimizer: Optimizer
) -> GraphEngine | None:
    """Compiled steps of a method on LightGCN, if it has a closed form and this machine can."""
    if form is None or not isinstance(encoder, LightGCN):
        return None
    if not runs_compiled(encoder, form, settings):
        return None
    return GraphEngine(encoder, form, settings, optimizer)
