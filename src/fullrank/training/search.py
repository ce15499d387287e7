"""Choosing settings while training: successive halving over trials that are never begun anew."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from fullrank.errors import FitError, Stopped
from fullrank.training.checkpoint import (
    CheckpointFile,
    Progress,
    Record,
    SearchProgress,
    Tensors,
)
from fullrank.training.interrupt import Interrupt, deferred_interrupt
from fullrank.training.loop import Trainer
from fullrank.training.progress import Reporter, Silent

Values = Mapping[str, Any]
"""Settings of a trial, by name."""


FINAL = 2
"""Times the epochs of the last rung after which the better one of the last two goes on alone."""


class Rung(NamedTuple):
    """A point where trials are compared."""

    trials: int
    """How many of the best so far are trained up to here; all that there are, if fewer."""
    epochs: int
    """Complete epochs, in all, of each of them."""


def rungs(epochs: int, more: int = 0) -> tuple[Rung, ...]:
    """The rungs of a run of at most so many epochs, with more places after the first if asked."""
    unit = min(epochs, 60) / 60
    plan = ((16, 3), (4 + more, 6), (2 + more, 12))
    return tuple(Rung(trials, max(1, round(unit * e))) for trials, e in plan)


Propose = Callable[[int, Sequence[Values]], Sequence[Values]]
"""Further settings to try, given the rung just reached and those still in the race, best first."""


class _Trial:
    """A trainer with the settings that it tries; none once it has lost."""

    def __init__(self, values: Values, trainer: Trainer | None, progress: Progress) -> None:
        self.values = dict(values)
        self.trainer = trainer
        self.progress = progress
        self.error: str | None = None

    @property
    def score(self) -> float:
        """The best validation metric so far; below every number if the loss diverged."""
        best = self.progress.best_metric
        return float("-inf") if best is None or self.error is not None else best

    def record(self) -> Record:
        """A row of the table of what was tried."""
        row: Record = {**self.values, "epochs": self.progress.epoch}
        row["validation_ndcg@20"] = self.progress.best_metric
        if self.progress.best_item_power is not None:
            row["item_power"] = self.progress.best_item_power
        history = self.progress.history
        row["effective_rank"] = history[-1].get("effective_rank") if history else None
        return row | ({"error": self.error} if self.error else {})


class Search:
    """Trains several trials a little, the better ones on, and the best one to the end.

    Trials are compared by their best validation metric so far. Each goes on from where it stood, so
    the winner has the bits of a run that was given its settings from the start (and validated at
    the rungs too). A trial whose loss diverges has lost.

    Args:
        build: Makes the trainer of some settings, without checkpoint and reporter.
        candidates: Settings to try, likeliest first.
        plan: The rungs, in rising order of epochs.
        propose: Adds trials at a rung, which are trained up to it and compared there.
        checkpoint: Where the state goes after each rung, on Ctrl-C and, for the winner, as often as
            its settings say.
        reporter: Receives the log.

    Source: Jamieson & Talwalkar, AISTATS 2016 (successive halving), with training that goes on.
    """

    def __init__(
        self,
        build: Callable[[Values], Trainer],
        candidates: Sequence[Values],
        plan: Sequence[Rung],
        *,
        propose: Propose = lambda rung, ranked: (),  # noqa: ARG005
        checkpoint: CheckpointFile | None = None,
        reporter: Reporter | None = None,
    ) -> None:
        self.build = build
        self.candidates = candidates
        self.plan = plan
        self.propose = propose
        self.file = checkpoint
        self.reporter = reporter or Silent()
        self.trials: list[_Trial] = []
        self.rung, self.proposed = 0, 0
        self._interrupt = Interrupt()

    def run(self, *, resume: bool = False) -> tuple[Trainer, dict[str, Any], list[Record]]:
        """Searches, and trains the winner to its end.

        Returns:
            The winner's trainer, its settings, and a record of each trial.

        Raises:
            FitError: every trial diverges, or a checkpoint is of another run. If the winner does
                after a validation check, this is a warning, and its best epoch is the result.
            KeyboardInterrupt: Ctrl-C, after the step under way and a checkpoint.
        """
        if resume and self.file is not None:
            self._restore(*self.file.load_state(SearchProgress))
        else:
            self._add(self.candidates)
        try:
            # Between trials too: an exception there may strike in a destructor, where it is lost.
            with deferred_interrupt() as self._interrupt:
                self._climb()
                best = self._finished()
        except Stopped:
            self.save()
            raise
        return self._trainer(best), best.values, [trial.record() for trial in self.trials]

    def _finished(self) -> _Trial:
        """Trains the two that are left further, and the better one of them to its end."""
        finalists = self._live()
        if len(finalists) > 1:
            for trial in finalists:
                self._advance(trial, FINAL * self.plan[-1].epochs)
            best = self._ranked()[0]
            for trial in finalists:
                if trial is not best:
                    trial.trainer = None
            self.save()
        (best,) = self._live()
        self._finish(best)
        return best

    def _obey(self) -> None:
        if self._interrupt.requested:
            raise Stopped(self._interrupt.number)

    def _finish(self, trial: _Trial) -> None:
        trainer = self._trainer(trial)
        trainer.checkpoint, trainer.reporter = _OfWinner(self), self.reporter
        try:
            trainer.run()
        except FitError as error:
            if trial.progress.best_epoch is None:
                raise
            trainer.take_best()  # what was found by then is not to be lost with the last epochs
            kept = f"the model is of epoch {trial.progress.best_epoch}, the best before it"
            warnings.warn(f"{error}; {kept}", stacklevel=2)
        self._obey()

    def _climb(self) -> None:
        while self.rung < len(self.plan):
            epochs = self.plan[self.rung].epochs
            for trial in self._live():
                self._advance(trial, epochs)
            if self.proposed == self.rung:
                self._add(self.propose(self.rung, [trial.values for trial in self._ranked()]))
                self.proposed += 1
                for trial in self._live():
                    self._advance(trial, epochs)
            if all(trial.error for trial in self._live()):
                raise FitError("search", "a loss that diverges with all settings", "a lower lr")
            self.rung += 1
            last = self.rung == len(self.plan)
            for trial in self._ranked()[2 if last else self.plan[self.rung].trials :]:
                trial.trainer = None
            self.save()
            self._obey()

    def _add(self, candidates: Sequence[Values]) -> None:
        for values in candidates:
            if all(trial.values != values for trial in self.trials):
                trainer = self.build(values)
                self.trials.append(_Trial(values, trainer, trainer.progress))

    def _advance(self, trial: _Trial, epochs: int) -> None:
        trainer = self._trainer(trial)
        if trial.error is not None or trial.progress.epoch >= epochs or trainer.enough():
            return
        try:
            trainer.advance(min(epochs, trainer.settings.epochs))
        except FitError as error:
            trial.error = str(error)
        trainer.rest()
        self._obey()
        self.reporter.trial(trial.record())

    def _trainer(self, trial: _Trial) -> Trainer:
        if trial.trainer is None:
            raise RuntimeError("a trial that has lost is not trained on")
        return trial.trainer

    def _live(self) -> list[_Trial]:
        return [trial for trial in self.trials if trial.trainer is not None]

    def _ranked(self) -> list[_Trial]:
        """Those still in the race, best first, earlier candidates first among equals."""
        return sorted(self._live(), key=lambda trial: -trial.score)

    def save(self) -> None:
        """Keeps where the search stands, if there is a file for it."""
        if self.file is None:
            return
        tensors: Tensors = {}
        for number, trial in enumerate(self.trials):
            if trial.trainer is not None:
                state = trial.trainer.state().items()
                tensors |= {f"{number}/{path}": tensor.cpu() for path, tensor in state}
        listed = [
            {
                "values": trial.values,
                "progress": vars(trial.progress),
                "live": trial.trainer is not None,
                "error": trial.error,
            }
            for trial in self.trials
        ]
        self.file.save(tensors, SearchProgress(self.rung, self.proposed, listed))

    def _restore(self, tensors: Tensors, progress: SearchProgress) -> None:
        self.rung, self.proposed = progress.rung, progress.proposed
        for number, kept in enumerate(progress.trials):
            reached = Progress(**kept["progress"])
            trainer = self.build(kept["values"]) if kept["live"] else None
            if trainer is not None:
                prefix = f"{number}/"
                paths = [path for path in tensors if path.startswith(prefix)]
                own = {path.removeprefix(prefix): tensors[path] for path in paths}
                trainer.restore(own, reached)
            trial = _Trial(kept["values"], trainer, reached)
            trial.error = kept["error"]
            self.trials.append(trial)


class _OfWinner:
    """The checkpoint of the winner: the whole search's, for its table is part of the result."""

    def __init__(self, search: Search) -> None:
        self.search = search

    def save(self, tensors: Tensors, progress: Progress) -> None:
        """Keeps the state of the search, which the winner's is part of."""
        del tensors, progress
        self.search.save()

    def load(self) -> tuple[Tensors, Progress]:
        """Is not asked for: the search has restored its trials."""
        raise NotImplementedError
