"""The training loop: batches, steps, validation, checkpoints."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from fullrank.data.sampling import Batch, Sampler
from fullrank.encoders.base import Encoder
from fullrank.engine.batches import slice_of
from fullrank.engine.choose import Choice, choose
from fullrank.engine.step import Engine, Step, catch_up, parameters_of
from fullrank.errors import FitError, Stopped
from fullrank.training.checkpoint import Checkpoint, Progress, Record
from fullrank.training.interrupt import Interrupt, deferred_interrupt
from fullrank.training.optim import optimizer
from fullrank.training.progress import Reporter, Silent
from fullrank.training.settings import TrainingSettings


@dataclass(frozen=True)
class Plan:
    """What is trained.

    Args:
        encoder: Gives embeddings and takes their gradients.
        sampler: Draws the batches.
        step: What happens to a batch.
    """

    encoder: Encoder
    sampler: Sampler
    step: Step

    @property
    def parameters(self) -> dict[str, Tensor]:
        """All that is trained, by name."""
        return parameters_of(self.step, self.encoder)


class Powers(Protocol):
    """What finds the power of the items' lengths that ranks best, with the parameters as are."""

    power: float

    def climb(self) -> float:
        """Moves the power to a better one nearby, if there is one, and gives it."""
        ...


class Trainer:
    """Runs a plan: batches, gradients, updates, validation, checkpoints.

    Args:
        plan: What is trained; its parameters are changed in place.
        settings: How.
        validate: Gives the validation metric (higher is better) of the parameters as they are.
        powers: Finds, before each validation check, the power by which the metric is taken.
        probe: Measures the parameters as they are, as their ``effective_rank``; for the history.
        observe: Gives whatever else is to be in the record of an epoch, by its number.
        checkpoint: Where the state goes every ``checkpoint_every`` epochs and on Ctrl-C; nowhere if
            absent, and then Ctrl-C leaves it in this object.
        reporter: Receives every step and every epoch.
        enough: Whether no further epoch is to begin.

    Every epoch draws from a generator of its own, made of the seed and the epoch's number, so that
    a run which goes on from a checkpoint has the same bits as one that was never stopped.
    """

    def __init__(
        self,
        plan: Plan,
        settings: TrainingSettings,
        *,
        validate: Callable[[], float] | None = None,
        powers: Powers | None = None,
        probe: Callable[[], Mapping[str, float]] | None = None,
        observe: Callable[[int], Record] | None = None,
        checkpoint: Checkpoint | None = None,
        reporter: Reporter | None = None,
        enough: Callable[[], bool] = lambda: False,
    ) -> None:
        self.plan = plan
        self.settings = settings
        self.validate = validate
        self.powers = powers
        self.probe = probe
        self.observe = observe
        self.checkpoint = checkpoint
        self.reporter = reporter or Silent()
        self.enough = enough
        self.optimizer = optimizer(settings.optimizer)
        self.progress = Progress()
        self.best: dict[str, Tensor] = {}
        self.steps = plan.sampler.steps(settings.batch_size)
        self.choice: Choice | None = None
        self._until = settings.epochs

    def run(self, *, resume: bool = False) -> Progress:
        """Trains to the end, or to the best epoch where there is something to validate by.

        Raises:
            FitError: the loss is no longer finite, or a checkpoint is of another run.
            KeyboardInterrupt: Ctrl-C, after the step under way and a checkpoint.
        """
        if resume and self.checkpoint is not None:
            self.restore(*self.checkpoint.load())
        self.reporter.start(self.settings.epochs, self.steps, self.progress.history)
        try:
            self.advance(self.settings.epochs)
        finally:
            self.reporter.close()
        self.take_best()
        return self.progress

    def advance(self, until: int) -> None:
        """Trains up to so many epochs in all, the last one with a validation check, or until stale.

        What a step works in is kept for the next call; `rest` gives it back.

        Raises:
            FitError, KeyboardInterrupt: see `run`.
        """
        if self.choice is None:
            self.choice = choose(self.plan.step, self.plan.encoder, self.optimizer)
        self._until = until
        with deferred_interrupt() as interrupt:
            while self.progress.epoch < until and not (self._stale() or self.enough()):
                self._epoch(self.choice.engine, interrupt)
            if interrupt.requested:  # while the last epoch was validated: no step is left to end
                self._save()
                raise Stopped(interrupt.number)

    def _epoch(self, engine: Engine, interrupt: Interrupt) -> None:
        progress, settings = self.progress, self.settings
        rng = np.random.default_rng([settings.seed, progress.epoch])
        drawn = np.random.default_rng([settings.seed, progress.epoch, 1])
        self.plan.encoder.start_epoch(drawn, progress.epoch)
        lr = settings.lr * settings.lr_decay**progress.epoch
        began = time.perf_counter()
        losses = torch.tensor(progress.loss_sum, dtype=torch.float64, device=self.plan.step.device)
        for done in self._passed(engine, rng, lr, losses):
            progress.step += done
            self.reporter.steps(done)
            if interrupt.requested:
                self._interrupted(interrupt, losses, began)
        # What evaluates, keeps or saves the tables reads all rows; and the rate changes here.
        catch_up(self.optimizer, self.plan.encoder, None, lr)
        progress.seconds += time.perf_counter() - began
        progress.epoch, progress.step, progress.loss_sum = progress.epoch + 1, 0, 0.0
        self._close_epoch(losses.item() / self.steps, lr, time.perf_counter() - began)

    def _passed(
        self, engine: Engine, rng: np.random.Generator, lr: float, losses: Tensor
    ) -> Iterator[int]:
        """Makes the steps of the epoch that are left; yields how many are done, now and then."""
        size, start = self.settings.batch_size, self.progress.step
        for chunk in self.plan.sampler.chunks(rng, self.steps, size, start=start):
            for first in range(0, len(chunk.user_idx), engine.most):
                stacked = slice_of(chunk, slice(first, first + engine.most))
                self._steps(engine, stacked, lr, losses)
                yield len(stacked.user_idx)

    def _steps(self, engine: Engine, stacked: Batch, lr: float, losses: Tensor) -> None:
        try:  # a loss that factorises a matrix fails where the rows have diverged
            engine.steps(stacked, lr, losses)
        except torch.linalg.LinAlgError as error:  # type: ignore[attr-defined]
            found = f"a step that cannot be computed ({' '.join(str(error).split())[:80]})"
            expected = f"finite parameters: try an lr below {lr:g}"
            raise FitError(f"epoch {self.progress.epoch + 1}", found, expected) from None

    def _close_epoch(self, loss: float, lr: float, seconds: float) -> None:
        progress = self.progress
        # The last step of an epoch can ruin the parameters without a trace in the loss.
        finite = self._finite()
        if not (finite and math.isfinite(loss)):
            found = f"a loss of {loss}" + ("" if finite else " and parameters that are not finite")
            raise FitError(f"epoch {progress.epoch}", found, f"finite ones: try an lr below {lr:g}")
        record: Record = {"epoch": progress.epoch, "loss": loss, "lr": lr, "seconds": seconds}
        if self.probe is not None:
            record |= self.probe()
        if self.observe is not None:
            record |= self.observe(progress.epoch)
        if self.validate is not None and self._is_due(self.settings.validate_every):
            if self.powers is not None:
                record["item_power"] = self.powers.climb()
            record["validation_ndcg@20"] = metric = self.validate()
            self._judge(metric)
        progress.history.append(record)
        self.reporter.epoch(record)
        if self.checkpoint is not None and self._is_due(self.settings.checkpoint_every):
            self._save()

    def _finite(self) -> bool:
        return all(bool(table.isfinite().all()) for table in self.plan.parameters.values())

    def _is_due(self, every: int) -> bool:
        return self.progress.epoch % every == 0 or self.progress.epoch == self._until

    def _judge(self, metric: float) -> None:
        progress = self.progress
        if progress.best_metric is None or metric > progress.best_metric:
            progress.best_metric, progress.best_epoch = metric, progress.epoch
            progress.checks_without_gain = 0
            self.best = {name: table.clone() for name, table in self.plan.parameters.items()}
        else:
            progress.checks_without_gain += 1

    def _stale(self) -> bool:
        return self.progress.checks_without_gain >= self.settings.patience

    def take_best(self) -> None:
        """Puts the parameters of the best epoch in the place of the last, where they are known."""
        for name, table in self.best.items():
            self.plan.parameters[name].copy_(table)

    def _interrupted(self, interrupt: Interrupt, losses: Tensor, began: float) -> None:
        self.progress.loss_sum = losses.item()
        self.progress.seconds += time.perf_counter() - began
        if self.checkpoint is not None:
            self._save()
        raise Stopped(interrupt.number)

    def rest(self) -> None:
        """Gives back what steps work in, until the next `advance`; parameters and state stay."""
        self.choice = None

    def state(self) -> dict[str, Tensor]:
        """All tensors that, with the progress, are what a run goes on from; not copies."""
        groups = {"now": self.plan.parameters, "best": self.best, "optimizer": self.optimizer.state}
        return {
            f"{group}/{name}": tensor
            for group, named in groups.items()
            for name, tensor in named.items()
        }

    def restore(self, tensors: Mapping[str, Tensor], progress: Progress) -> None:
        """Goes back to a `state` and its progress."""
        self.progress = progress
        if self.powers is not None and progress.item_power is not None:
            self.powers.power = progress.item_power
        for path, tensor in tensors.items():
            group, name = path.split("/", 1)
            if group == "now":
                self.plan.parameters[name].copy_(tensor)
            else:
                store = self.best if group == "best" else self.optimizer.state
                store[name] = tensor.to(self.plan.step.device)

    def _save(self) -> None:
        if self.checkpoint is not None:
            tensors = {path: tensor.cpu() for path, tensor in self.state().items()}
            self.checkpoint.save(tensors, self.progress)
