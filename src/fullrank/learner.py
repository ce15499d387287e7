"""Fitting: a method with its settings that becomes a model."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np

from fullrank.data.columns import Columns
from fullrank.data.interactions import Interactions
from fullrank.data.parts import parts_of
from fullrank.data.splits import Split
from fullrank.engine.devices import device_named, torch_threads
from fullrank.errors import SettingError, Stopped
from fullrank.methods import Method
from fullrank.methods.fitting import Fitted
from fullrank.methods.starting import Start
from fullrank.portfolio import configured, final_fit, read_weights
from fullrank.portfolio import fit as fit_method
from fullrank.serving.fitted_model import FittedModel
from fullrank.serving.fold_in import FoldIn
from fullrank.serving.model_files import PARTS
from fullrank.training import Reporter


class Learner(FittedModel):
    """A method with its settings and, after `fit`, what it ranks with.

    The arguments are those of `fullrank.Recommender`.
    """

    def __init__(
        self,
        method: str | Method | None = None,
        *,
        preset: str | None = None,
        device: str = "auto",
        threads: int | None = None,
        **settings: Any,
    ) -> None:
        self.settings = self._asked = configured(method, preset, settings)
        super().__init__(self.settings.name)
        self.device = device_named(device)
        whole = isinstance(threads, int | np.integer) and not isinstance(threads, bool)
        if threads is not None and not (whole and threads >= 1):
            raise SettingError("setting threads", repr(threads), "a whole number, 1 or more")
        self.threads = threads

    def fit(
        self,
        train: Interactions | Split | Any,
        validation: Interactions | None = None,
        *,
        checkpoint: str | Path | None = None,
        resume: bool = False,
        reporter: Reporter | None = None,
        columns: Columns | None = None,
        final: bool = False,
        start_from: str | Path | FittedModel | None = None,
    ) -> Self:
        """Learns embeddings.

        Args:
            train: Interactions, a data frame of them, or a `Split`, whose test part is kept aside
                for `evaluate` and not looked at.
            validation: Part to choose the best epoch by, with the same users and items as train.
            checkpoint: File to keep the state of the run in, for ``resume``.
            resume: Go on from the checkpoint; the result has the bits of an uninterrupted run.
            reporter: Receives the log of training.
            columns: Names of the columns of a frame, where they are not the usual ones.
            final: Fit what was chosen once more, on train and validation together.
            start_from: A model, or its folder, whose rows those of the same ids begin with.

        Raises:
            FitError: the data cannot be trained on, the loss diverges, the checkpoint is of
                another run, or one would be lost without ``resume``.
            SettingError: ``resume`` without a checkpoint to go on from.
            KeyboardInterrupt: Ctrl-C. By ``auto`` this is then the best model that was whole, if
                there was one.
        """
        if resume and checkpoint is None:
            raise SettingError("resume", "no checkpoint", "checkpoint = the file to go on from")
        parts = parts_of(train, validation, columns)
        start = Start.of(start_from)
        kept: dict[str, Any] = {"checkpoint": checkpoint, "resume": resume, "start": start}
        with torch_threads(self.threads):
            parts, weights = read_weights(self._asked, parts, self.device, reporter)
            made, fitted = fit_method(self._asked, parts, self.device, reporter=reporter, **kept)
            fitted[1].update(weights)
            made = made.replace(weighting=weights.get("weighting", {}).get("way", "given"))
            self._take(made, fitted, parts, train)
            if stopped := self.training.get("auto", {}).get("stopped"):
                raise Stopped(signal.Signals[stopped])
            if final and parts.get("validation"):
                self._take(made, *final_fit(made, fitted[1], parts, self.device, reporter, start))
        return self

    def refit(
        self,
        *,
        reporter: Reporter | None = None,
        start_from: str | Path | FittedModel | None = None,
        by: Callable[..., Fitted] | None = None,
    ) -> Self:
        """Fits once more, as it was fitted, on all its interactions, those kept aside among them.

        Settings and epochs stay as they were chosen and ``metrics`` as they were measured; there is
        no test part afterwards. ``reporter`` and ``start_from`` are as in `fit`; ``by`` is who
        fits, as several workers in the place of this process.

        Raises:
            FitError: the loss diverges.
        """
        self._fitted()
        parts, start = self._parts, Start.of(start_from)
        how: dict[str, Any] = {"reporter": reporter, "start": start, "with_parts": PARTS, "fit": by}
        with torch_threads(self.threads):
            made = self.settings
            self._take(made, *final_fit(made, self.training, parts, self.device, **how))
        return self

    def take(self, fitted: Fitted, data: Any, parts: Mapping[str, Interactions]) -> None:
        """Becomes the model of what was fitted elsewhere, with these settings.

        Args:
            fitted: What ranks, and metadata of how it came about.
            data: What was given to be fitted on: a split keeps its name.
            parts: Its parts.
        """
        self._take(self.settings, fitted, parts, data)

    def _take(
        self, made: Method, fitted: Fitted, parts: Mapping[str, Interactions], data: Any = None
    ) -> None:
        if data is not None:
            self.data_name = data.name if isinstance(data, Split) else None
            self._how = data.how if isinstance(data, Split) else {}
        scorer, self.training = fitted
        found = self.training.get("chosen")  # it stays to be found, should this be fitted again
        self.settings = made.replace(**found, auto=tuple(found)) if found else made
        self.method = made.name
        weighted = made.uses_weights and parts["train"].weight is not None
        self._use(scorer, parts, FoldIn(weighted=weighted))
