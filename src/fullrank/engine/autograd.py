"""Steps of any description, one at a time: the only place where gradients are asked of autograd."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from fullrank.data.sampling import Batch
from fullrank.encoders import Encoder, Rows, TensorBatch, Update
from fullrank.engine.batches import on_device, step_of
from fullrank.engine.dropout import kept, pair_keys
from fullrank.engine.step import Optimizer, Step, catch_up, parameters_of


class AutogradEngine:
    """Gradients by autograd; makes the steps of every method on every device."""

    name: ClassVar[str] = "autograd"
    most = 1

    def __init__(self, step: Step, encoder: Encoder, optimizer: Optimizer) -> None:
        self.description = step
        self.encoder = encoder
        self.optimizer = optimizer
        balance = step.balance
        self.learned = None if balance is None else balance.learned

    @classmethod
    def supports(cls, step: Step, encoder: Encoder, optimizer: Optimizer) -> str | None:
        """See `fullrank.engine.step.Engine.supports`."""
        del step, encoder, optimizer
        return None

    def steps(self, batches: Batch, lr: float, losses: Tensor) -> None:
        """See `fullrank.engine.step.Engine.steps`."""
        for step in range(len(batches.user_idx)):
            batch = step_of(batches, step)
            losses += self.step(on_device(batch, self.description.device), batch, lr)

    def step(self, indices: TensorBatch, batch: Batch, lr: float | Tensor) -> Tensor:
        """One step; ``indices`` are those of ``batch`` on the device. Returns its loss, detached.

        A learning rate that is a tensor is read when the step runs; it is for SGD alone, whose
        updates are linear.
        """
        encoder = self.encoder
        if not isinstance(lr, Tensor):
            catch_up(self.optimizer, encoder, indices, lr)
        rows = encoder.rows(indices)
        loss = self._loss(rows, batch, indices)
        loss.backward()  # type: ignore[no-untyped-call]
        with torch.no_grad():
            updates = encoder.updates(indices, rows, self.description.decay)
            parameters = parameters_of(self.description, encoder)
            for update in [*updates, *self._learned_updates()]:
                table, grad, rate = parameters[update.name], update.grad, lr
                if isinstance(rate, Tensor):
                    grad, rate = grad * rate, 1.0
                self.optimizer.step(update.name, table, update.rows, grad, rate)
        if self.learned is not None:
            self.learned.zero_grad(set_to_none=True)
        return loss.detach()

    def _loss(self, rows: Rows, batch: Batch, indices: TensorBatch) -> Tensor:
        step = self.description
        if step.balance is not None:
            rows = rows._replace(pair=step.balance.apply(rows.pair, batch, indices))
        if step.dropout:
            mask = kept(pair_keys(batch), rows.pair.shape[-1], step.dropout)
            rows = rows._replace(others=(*rows.others, torch.from_numpy(mask).to(rows.pair)))
        return step.loss.function(rows)

    def _learned_updates(self) -> list[Update]:
        if self.learned is None:
            return []
        named = self.learned.named_parameters()
        return [Update(name, None, p.grad) for name, p in named if p.grad is not None]
