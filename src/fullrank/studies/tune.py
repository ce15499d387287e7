"""Choosing settings by the validation part alone: Optuna's TPE, weak trials stopped early."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fullrank.data.splits import Split
from fullrank.errors import DataError, FitError, SettingError
from fullrank.evaluation import evaluate
from fullrank.methods import ClosedFormMethod, Space, Span, build_method, method_named
from fullrank.recommender import Recommender
from fullrank.studies.storage import storage_errors
from fullrank.training import Silent
from fullrank.training.checkpoint import Record

STARTUP, CHECKS = 4, 2
"""Trials before any is stopped early, and validation checks that each gets."""


@dataclass(frozen=True)
class Study:
    """What tuning a method found, and what it takes to do it again."""

    method: str
    data: str
    fingerprint: str
    trials: int
    """Trials that came to an end, with a value, stopped early or failed."""
    seed: int
    date: str
    value: float
    """The best validation ndcg@20."""
    epochs: int | None
    """The epoch of it; none for a method without epochs."""
    settings: dict[str, Any]
    """What was found, on top of what was fixed."""
    space: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    """Of all trials together."""
    versions: dict[str, str] = field(default_factory=dict)


class _Watch(Silent):
    """Reports every validation check to Optuna, and stops where it says so."""

    def __init__(self, trial: Any, stop: type[Exception]) -> None:
        self.trial = trial
        self.stop = stop

    def epoch(self, record: Record) -> None:
        value = record.get("validation_ndcg@20")
        if value is None:
            return
        self.trial.report(value, int(record["epoch"]))
        if self.trial.should_prune():
            raise self.stop


@storage_errors
def tune(
    split: Split,
    method: str,
    trials: int,
    *,
    fixed: Mapping[str, Any] | None = None,
    space: Space | None = None,
    start: Mapping[str, Any] | None = None,
    storage: Path | None = None,
    seed: int = 0,
    threads: int | None = None,
    log: Callable[[str], None] = lambda line: None,  # noqa: ARG005
) -> Study:
    """Searches the settings of a method.

    Args:
        split: Train and validation; a test part is not looked at.
        method: A name of the method table.
        trials: How many to make in all; those in ``storage`` count.
        fixed: Settings that every trial has.
        space: What is searched; the method's own if absent. Fixed settings are taken out.
        start: Values of the first trial, such as those that a paper states.
        storage: SQLite file that keeps the study, so that it can go on later.
        seed: Of the search; every trial trains with the seed among the settings.
        threads: Threads of each fit.
        log: Receives a line for each trial.

    Raises:
        SettingError: Optuna is not installed, or there is nothing to tune.
        DataError: there is no validation part, or the storage is of another study or cannot be
            used.
        FitError: no trial came to a value.
    """
    optuna = optuna_or_error()
    if split.validation is None:
        raise DataError(split.name, "no validation part", "one: tuning may not look at test data")
    fixed = dict(fixed or {})
    space = {name: each for name, each in _space(method, space).items() if name not in fixed}
    if not space:
        raise SettingError("tune", "no setting that is not fixed", "one to search")
    build_method(method, fixed)
    study = _open(optuna, split, method, storage, seed, space, fixed)
    # A trial that was killed half-way stays unfinished in the storage, and is made anew.
    before = sum(trial.state.is_finished() for trial in study.trials)
    if start and not study.trials:
        study.enqueue_trial(dict(start))
    best = Best()
    for number in range(before, trials):
        trial = study.ask()
        values = fixed | {name: _suggest(trial, name, each) for name, each in space.items()}
        state, value = _run(optuna, trial, split, method, values, threads)
        study.tell(trial, value, state=state)
        shown = state.name.lower() if value is None else f"{value:.5f}"
        searched = {name: values[name] for name in space}
        log(f"trial {number + 1} of {trials}: {shown}  {best.seen(value)}{_line(searched)}")
    finished = [trial for trial in study.trials if trial.state.is_finished()][:trials]
    return _summary(finished, split, method, fixed, space, seed)


class Best:
    """Marks a value that is the best so far."""

    def __init__(self) -> None:
        self.value: float | None = None

    def seen(self, value: float | None) -> str:
        """``best`` or nothing."""
        if value is None or (self.value is not None and value <= self.value):
            return ""
        self.value = value
        return "(best so far)  "


def optuna_or_error() -> Any:
    """The package.

    Raises:
        SettingError: it is not installed.
    """
    try:
        import optuna
    except ImportError:
        remedy = "pip install 'fullrank[tune]'"
        raise SettingError("tune", "no package optuna", remedy) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def open_study(storage: Path) -> Any:
    """The Optuna study in a file, for plots.

    Raises:
        DataError: the file does not exist.
    """
    optuna = optuna_or_error()
    if not storage.is_file():
        raise DataError(str(storage), "no such file", "a study that `fullrank tune` wrote")
    return optuna.load_study(study_name=None, storage=f"sqlite:///{storage}")


def _space(method: str, space: Space | None) -> Space:
    own = method_named(method).space
    if space is None and not own:
        raise SettingError("tune", f"method {method}", "one with settings to search, or a space")
    return own if space is None else space


def _open(
    optuna: Any,
    split: Split,
    method: str,
    storage: Path | None,
    seed: int,
    space: Space,
    fixed: Mapping[str, Any],
) -> Any:
    if storage is not None:
        storage.parent.mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(
        study_name=f"{method} on {split.name}",
        storage=None if storage is None else f"sqlite:///{storage}",
        load_if_exists=True,
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=STARTUP, n_warmup_steps=CHECKS),
    )
    searched = {name: _described(each) for name, each in space.items()}
    identity = {
        "split": split.fingerprint,
        "fixed": {name: fixed[name] for name in sorted(fixed)},
        "space": searched,
        "seed": seed,
    }
    for name, value in identity.items():
        known = study.user_attrs.get(name, value)
        if known != value:
            where = "study" if storage is None else str(storage)
            raise DataError(where, f"a study with another {name} ({known})", f"{value}")
        study.set_user_attr(name, value)
    return study


def _run(
    optuna: Any,
    trial: Any,
    split: Split,
    method: str,
    values: dict[str, Any],
    threads: int | None,
) -> tuple[Any, float | None]:
    states = optuna.trial.TrialState
    try:
        model = Recommender(method, threads=threads, **values)
        if isinstance(model.settings, ClosedFormMethod):
            model.fit(split.train)
            value = _validated(model, split)
        else:
            watch = _Watch(trial, optuna.TrialPruned)
            model.fit(split.train, split.validation, reporter=watch)
            value = model.training["validation_ndcg@20"]
            trial.set_user_attr("epoch", model.training["best_epoch"])
    except optuna.TrialPruned:
        return states.PRUNED, None
    except (FitError, SettingError) as error:
        trial.set_user_attr("error", str(error))
        return states.FAIL, None
    return states.COMPLETE, value


def _validated(model: Recommender, split: Split) -> float:
    assert split.validation is not None  # noqa: S101  # narrows the type: tested by tune
    scored = evaluate(model.scorer, split.validation, train=split.train, k=20, metrics=("ndcg",))
    return scored["ndcg@20"]


def _suggest(trial: Any, name: str, each: Span | tuple[Any, ...]) -> Any:
    if isinstance(each, tuple):
        return trial.suggest_categorical(name, list(each))
    if isinstance(each.low, int) and isinstance(each.high, int):
        return trial.suggest_int(name, each.low, each.high, log=each.log)
    return trial.suggest_float(name, each.low, each.high, log=each.log)


def _described(each: Span | tuple[Any, ...]) -> Any:
    return list(each) if isinstance(each, tuple) else [each.low, each.high, each.log]


def _line(values: Mapping[str, Any]) -> str:
    shown = (f"{v:.4g}" if isinstance(v, float) else str(v) for v in values.values())
    return ", ".join(f"{name} {value}" for name, value in zip(values, shown, strict=True))


def _summary(
    trials: list[Any], split: Split, method: str, fixed: dict[str, Any], space: Space, seed: int
) -> Study:
    from fullrank.serving.model_files import versions

    done = [trial for trial in trials if trial.state.name == "COMPLETE"]
    if not done:
        errors = {trial.user_attrs.get("error", "stopped") for trial in trials}
        found = f"no trial with a value ({'; '.join(sorted(errors))})"
        raise FitError(f"tuning {method}", found, "a space in which the method can learn")
    best = max(done, key=lambda trial: trial.value)
    took = (trial.duration.total_seconds() for trial in trials)
    return Study(
        method=method,
        data=split.name,
        fingerprint=split.fingerprint,
        trials=len(trials),
        seed=seed,
        date=datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
        value=best.value,
        epochs=best.user_attrs.get("epoch"),
        settings=fixed | best.params,
        space={name: _described(each) for name, each in space.items()},
        seconds=round(sum(took), 1),
        versions=versions(),
    )
