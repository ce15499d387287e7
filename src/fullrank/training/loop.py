"""The training loop: the only place where gradients are asked for and parameters move."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from fullrank.data.sampling import Batch, Sampler
from fullrank.encoders.base import Encoder, Rows, TensorBatch, Update
from fullrank.engine import cuda
from fullrank.engine.compiled import (
    ClosedForm,
    Engine,
    native_engine,
    on_device,
    rows_of,
    step_of,
)
from fullrank.engine.dropout import kept, pair_keys
from fullrank.engine.graph import graph_engine
from fullrank.errors import FitError
from fullrank.training.checkpoint import CheckpointFile, Progress, Record
from fullrank.training.interrupt import Interrupt, deferred_interrupt
from fullrank.training.optim import Optimizer, optimizer
from fullrank.training.progress import Reporter, Silent
from fullrank.training.settings import TrainingSettings

Balance = Callable[[Tensor, Batch], Tensor]
"""(2, B, d) raw rows of users and items, and their batch -> (2, B, d) rows for the loss."""
Objective = Callable[[Rows], Tensor]
"""Rows of a batch, balanced where the method balances -> the loss."""


@dataclass(frozen=True)
class Plan:
    """What is trained.

    Args:
        encoder: Gives embeddings and takes their gradients.
        sampler: Draws the batches.
        objective: The loss of a batch.
        balance: What happens to the rows between encoder and loss, if anything.
        learned: Parameters of the balancer, if it has any.
        closed_form: The method as the compiled kernels know it, if they do.
        static: Whether a step is the same operations of the same shapes for every batch, all of
            them on the device.
        device: Where the batches go.
        dropout: Share of the users' numbers that the objective leaves out, if it takes a last
            argument that says which.
    """

    encoder: Encoder
    sampler: Sampler
    objective: Objective
    balance: Balance | None = None
    learned: nn.Module | None = None
    closed_form: ClosedForm | None = None
    static: bool = False
    device: str = "cpu"
    dropout: float = 0.0

    @property
    def parameters(self) -> dict[str, Tensor]:
        """All that is trained, by name."""
        learned = {} if self.learned is None else dict(self.learned.named_parameters())
        return self.encoder.parameters | {name: p.data for name, p in learned.items()}


class AutogradEngine:
    """Steps of any plan, one at a time, with gradients from autograd."""

    most = 1

    def __init__(self, plan: Plan, settings: TrainingSettings, optimizer: Optimizer) -> None:
        self.plan = plan
        self.settings = settings
        self.optimizer = optimizer

    def steps(self, batches: Batch, lr: float, losses: Tensor) -> None:
        """See `fullrank.engine.compiled.Engine.steps`."""
        for step in range(len(batches.user_idx)):
            batch = step_of(batches, step)
            losses += self.step(on_device(batch, self.plan.device), batch, lr)

    def step(self, indices: TensorBatch, batch: Batch, lr: float | Tensor) -> Tensor:
        """One step; ``indices`` are those of ``batch`` on the device. Returns its loss, detached.

        A learning rate that is a tensor is read when the step runs; it is for `SGD` alone, whose
        updates are linear.
        """
        encoder = self.plan.encoder
        rows = encoder.rows(indices)
        loss = self._loss(rows, batch)
        loss.backward()  # type: ignore[no-untyped-call]
        with torch.no_grad():
            decay = self.settings.weight_decay / self.settings.batch_size
            parameters = self.plan.parameters
            for update in [*encoder.updates(indices, rows, decay), *self._learned_updates()]:
                table, grad, rate = parameters[update.name], update.grad, lr
                if isinstance(rate, Tensor):
                    grad, rate = grad * rate, 1.0
                self.optimizer.step(update.name, table, update.rows, grad, rate)
        if self.plan.learned is not None:
            self.plan.learned.zero_grad(set_to_none=True)
        return loss.detach()

    def _loss(self, rows: Rows, batch: Batch) -> Tensor:
        balance = self.plan.balance
        if balance is not None:
            rows = rows._replace(pair=balance(rows.pair, batch))
        if self.plan.dropout:
            left = kept(pair_keys(batch), rows.pair.shape[-1], self.plan.dropout)
            rows = rows._replace(others=(*rows.others, torch.from_numpy(left).to(rows.pair)))
        return self.plan.objective(rows)

    def _learned_updates(self) -> list[Update]:
        if self.plan.learned is None:
            return []
        named = self.plan.learned.named_parameters()
        return [Update(name, None, p.grad) for name, p in named if p.grad is not None]


def engine_of(plan: Plan, settings: TrainingSettings, optimizer: Optimizer) -> Engine:
    """The quickest engine that can make the steps of a plan."""
    for compiled in (native_engine, graph_engine):
        engine = compiled(plan.encoder, plan.closed_form, settings, optimizer)
        if engine is not None:
            return engine
    plain = AutogradEngine(plan, settings, optimizer)
    on_gpu = torch.device(plan.device).type == "cuda"
    if on_gpu and plan.static and settings.optimizer == "sgd" and cuda.wanted():
        return cuda.CapturedEngine(plain, plan.device)
    return plain


class Trainer:
    """Runs a plan: batches, gradients, updates, validation, checkpoints.

    Args:
        plan: What is trained; its parameters are changed in place.
        settings: How.
        validate: Gives the validation metric (higher is better) of the parameters as they are.
        probe: Gives the effective rank of the parameters as they are.
        checkpoint: Where the state goes every ``checkpoint_every`` epochs and on Ctrl-C.
        reporter: Is told of every step and every epoch.

    Every epoch draws from a generator of its own, made of the seed and the epoch's number, so that
    a run which goes on from a checkpoint has the same bits as one that was never stopped.
    """

    def __init__(
        self,
        plan: Plan,
        settings: TrainingSettings,
        *,
        validate: Callable[[], float] | None = None,
        probe: Callable[[], float] | None = None,
        checkpoint: CheckpointFile | None = None,
        reporter: Reporter | None = None,
    ) -> None:
        self.plan = plan
        self.settings = settings
        self.validate = validate
        self.probe = probe
        self.checkpoint = checkpoint
        self.reporter = reporter or Silent()
        self.optimizer = optimizer(settings.optimizer)
        self.progress = Progress()
        self.best: dict[str, Tensor] = {}
        self.steps = plan.sampler.steps(settings.batch_size)

    def run(self, *, resume: bool = False) -> Progress:
        """Trains to the end, or to the best epoch where there is something to validate by.

        Raises:
            FitError: the loss is no longer finite, or a checkpoint is of another run.
            KeyboardInterrupt: Ctrl-C, after the step under way and a checkpoint.
        """
        if resume and self.checkpoint is not None:
            self._restore()
        engine = engine_of(self.plan, self.settings, self.optimizer)
        self.reporter.start(self.settings.epochs, self.steps, self.progress.history)
        try:
            with deferred_interrupt() as interrupt:
                while self.progress.epoch < self.settings.epochs and not self._stale():
                    self._epoch(engine, interrupt)
        finally:
            self.reporter.close()
        self._take_best()
        return self.progress

    def _epoch(self, engine: Engine, interrupt: Interrupt) -> None:
        progress, settings = self.progress, self.settings
        rng = np.random.default_rng([settings.seed, progress.epoch])
        self.plan.encoder.start_epoch(np.random.default_rng([settings.seed, progress.epoch, 1]))
        lr = settings.lr * settings.lr_decay**progress.epoch
        began = time.perf_counter()
        stretches = self.plan.sampler.stretches(
            rng, self.steps, settings.batch_size, start=progress.step
        )
        losses = torch.tensor(progress.loss_sum, dtype=torch.float64, device=self.plan.device)
        for stretch in stretches:
            for first in range(0, len(stretch.user_idx), engine.most):
                bundle = rows_of(stretch, slice(first, first + engine.most))
                engine.steps(bundle, lr, losses)
                progress.step += len(bundle.user_idx)
                self.reporter.steps(len(bundle.user_idx))
                if interrupt.requested:
                    self._interrupted(losses, began)
        progress.seconds += time.perf_counter() - began
        progress.epoch, progress.step, progress.loss_sum = progress.epoch + 1, 0, 0.0
        self._close_epoch(losses.item() / self.steps, lr, time.perf_counter() - began)

    def _close_epoch(self, loss: float, lr: float, seconds: float) -> None:
        progress = self.progress
        # The last step of an epoch can ruin the parameters without a trace in the loss.
        finite = all(bool(table.isfinite().all()) for table in self.plan.parameters.values())
        if not (finite and math.isfinite(loss)):
            found = f"a loss of {loss}" + ("" if finite else " and parameters that are not finite")
            raise FitError(f"epoch {progress.epoch}", found, f"finite ones: try an lr below {lr:g}")
        record: Record = {"epoch": progress.epoch, "loss": loss, "lr": lr, "seconds": seconds}
        if self.probe is not None:
            record["effective_rank"] = self.probe()
        if self.validate is not None and self._is_due(self.settings.validate_every):
            record["validation_ndcg@20"] = metric = self.validate()
            self._judge(metric)
        progress.history.append(record)
        self.reporter.epoch(record)
        if self.checkpoint is not None and self._is_due(self.settings.checkpoint_every):
            self._save()

    def _is_due(self, every: int) -> bool:
        return self.progress.epoch % every == 0 or self.progress.epoch == self.settings.epochs

    def _judge(self, metric: float) -> None:
        progress = self.progress
        if progress.best_metric is None or metric > progress.best_metric:
            progress.best_metric, progress.best_epoch = metric, progress.epoch
            progress.looks_without_gain = 0
            self.best = {name: table.clone() for name, table in self.plan.parameters.items()}
        else:
            progress.looks_without_gain += 1

    def _stale(self) -> bool:
        return self.progress.looks_without_gain >= self.settings.patience

    def _take_best(self) -> None:
        for name, table in self.best.items():
            self.plan.parameters[name].copy_(table)

    def _interrupted(self, losses: Tensor, began: float) -> None:
        self.progress.loss_sum = losses.item()
        self.progress.seconds += time.perf_counter() - began
        if self.checkpoint is not None:
            self._save()
        raise KeyboardInterrupt

    def _save(self) -> None:
        if self.checkpoint is None:
            return
        groups = {"now": self.plan.parameters, "best": self.best, "optimizer": self.optimizer.state}
        tensors = {
            f"{group}/{name}": tensor.cpu()
            for group, named in groups.items()
            for name, tensor in named.items()
        }
        self.checkpoint.save(tensors, self.progress)

    def _restore(self) -> None:
        if self.checkpoint is None:
            return
        tensors, self.progress = self.checkpoint.load()
        for path, tensor in tensors.items():
            group, name = path.split("/", 1)
            if group == "now":
                self.plan.parameters[name].copy_(tensor)
            else:
                store = self.best if group == "best" else self.optimizer.state
                store[name] = tensor.to(self.plan.device)
