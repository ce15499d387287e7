"""Choosing settings by the validation part alone: Optuna's TPE, weak trials stopped early."""

from __future__ import annotations

import datetime
import json
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fullrank.data.divisions import divisions
from fullrank.data.splits import Split
from fullrank.errors import DataError, FitError, SettingError
from fullrank.extras import library
from fullrank.methods import Space, build_method
from fullrank.recommender import Recommender
from fullrank.studies.storage import storage_errors
from fullrank.studies.trials import (
    AS_IT_COMES,
    FOUND,
    STARTUP,
    Best,
    Watch,
    comes_with,
    described,
    fitted,
    found_by,
    found_in,
    line_of,
    named,
    plain,
    sampler_of,
    searches,
    settings_in,
    settled_values,
    space_of,
    suggested,
)


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
    repeats: int = 1
    """Divisions into train and validation that each value is the mean over."""
    values: list[float] = field(default_factory=list)
    """Validation ndcg@20 of the best trial on each division."""
    split: dict[str, Any] = field(default_factory=dict)
    """How the split was made."""
    versions: dict[str, str] = field(default_factory=dict)


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
    repeats: int = 1,
    log: Callable[[str], None] = lambda line: None,  # noqa: ARG005
) -> Study:
    """Searches the settings of a method.

    Args:
        split: Train and validation; a test part is not looked at.
        method: A name of the method table.
        trials: How many to make in all; those in ``storage`` count, and all do where it has more.
        fixed: Settings that every trial has.
        space: What is searched; the method's own if absent. Fixed settings are taken out.
        start: Values of the first trial, such as those that a paper states; if absent, those that
            the method comes with: in its own space it is a fit without a word, whatever lies
            outside of that and whatever it finds by itself; in another, as far as they lie there.
        storage: SQLite file that keeps the study, so that it can go on later.
        seed: Of the search; every trial trains with the seed among the settings.
        threads: Threads of each fit.
        repeats: Divisions into train and validation (`divisions`), over which a trial has its mean
            value. Weak trials are stopped on the first.
        log: Receives a line for each trial.

    A study that goes on makes the trials that it would have made without a stop.

    Raises:
        SettingError: Optuna is not installed, there is nothing to tune, or ``trials`` or ``seed``
            is out of bounds.
        DataError: there is no validation part or nothing in it, or the storage is of another
            study or cannot be used.
        FitError: no trial came to a value.
    """
    optuna = optuna_or_error()
    _check_arguments(split, trials, seed)
    splits = divisions(split, repeats)
    fixed = dict(fixed or {})
    searched = space_of(method, space, fixed)
    study = _open(optuna, splits, method, storage, seed, searched, fixed)
    # A trial that was killed half-way stays unfinished in the storage, and is made anew.
    earlier = [trial for trial in study.trials if trial.state.is_finished()]
    waiting = any(trial.state == optuna.trial.TrialState.WAITING for trial in study.trials)
    first = dict(start or comes_with(method, fixed, searched, own=space is None))
    left = set() if start or space else searched.keys() - first.keys()  # to the method
    if not earlier and not waiting:
        study.enqueue_trial(named(first, method, searched, fixed, split.train))
    best = Best(trial.value for trial in earlier if trial.state.name == "COMPLETE")
    for number in range(len(earlier), trials):
        study.sampler = sampler_of(optuna, seed, number)
        trial = study.ask()
        asked = {n: each for n, each in searched.items() if number or n not in left}
        values = suggested(trial, method, asked, fixed, split.train)
        if number or not left:
            values = settled_values(method, values)
        state, value = _run(optuna, trial, splits, method, values, threads)
        study.tell(trial, value, state=state)
        shown = state.name.lower() if value is None else f"{value:.5f}"
        tried = line_of({name: values[name] for name in asked} | found_in(trial))
        log(f"trial {number + 1} of {trials}: {shown}  {best.seen(value)}{tried or AS_IT_COMES}")
    if len(earlier) > trials:
        log(f"{len(earlier)} trials are in the study already, and all of them count")
    finished = [trial for trial in study.trials if trial.state.is_finished()]
    return _summary(finished, splits, method, fixed, searched, seed)


def optuna_or_error() -> Any:
    """The package.

    Raises:
        SettingError: it is not installed.
    """
    optuna = library("optuna", "tune")
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
    return optuna.load_study(study_name=None, storage=_database(storage))


def _database(path: Path) -> Any:
    """Storage of a study in a file, opened by its path: in a URL, ? and % have other meanings."""
    from optuna.storages import RDBStorage
    from sqlalchemy.pool import NullPool

    opened = {"creator": lambda: sqlite3.connect(path), "poolclass": NullPool}
    return RDBStorage("sqlite://", engine_kwargs=opened)


def _open(
    optuna: Any,
    splits: list[Split],
    method: str,
    storage: Path | None,
    seed: int,
    space: Space,
    fixed: Mapping[str, Any],
) -> Any:
    if storage is not None:
        storage.parent.mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(
        study_name=f"{method} on {splits[0].name}",
        storage=None if storage is None else _database(storage),
        load_if_exists=True,
        direction="maximize",
        pruner=optuna.pruners.MedianPruner(n_startup_trials=STARTUP),
    )
    searched = {name: described(each) for name, each in space.items()}
    identity = {
        "split": ", ".join(each.fingerprint for each in splits),
        "fixed": {name: fixed[name] for name in sorted(fixed)},
        "space": searched,
        "seed": seed,
    }
    for name, each in identity.items():
        value = json.loads(json.dumps(each, default=plain))  # as it comes back from a storage
        known = study.user_attrs.get(name, value)
        if known != value:
            where = "study" if storage is None else str(storage)
            raise DataError(where, f"a study with another {name} ({known})", f"{value}")
        study.set_user_attr(name, value)
    return study


def _check_arguments(split: Split, trials: int, seed: int) -> None:
    if trials < 1:
        raise SettingError("trials", str(trials), "1 or more")
    if seed < 0:
        raise SettingError("seed", str(seed), "0 or more")
    if split.validation is None or not len(split.validation):
        found = "no validation part" if split.validation is None else "an empty validation part"
        raise DataError(split.name, found, "one: tuning may not look at test data")


def _run(
    optuna: Any,
    trial: Any,
    splits: list[Split],
    method: str,
    values: dict[str, Any],
    threads: int | None,
) -> tuple[Any, float | None]:
    states = optuna.trial.TrialState
    found, epochs = [], []
    try:
        for number, split in enumerate(splits):
            model = Recommender(build_method(method, values), threads=threads)
            alone = searches(model.settings)  # and its checks are of several settings
            watch = None if number or alone else Watch(trial, optuna.TrialPruned)
            value, epoch = fitted(model, split, watch)
            if chosen := found_by(model.training, alone):
                trial.set_user_attr(FOUND, found_in(trial) | chosen)
                values = settled_values(method, values | chosen)
            found.append(value)
            epochs += [] if epoch is None else [epoch]
    except optuna.TrialPruned:
        return states.PRUNED, None
    except (FitError, SettingError) as error:
        trial.set_user_attr("error", str(error))
        return states.FAIL, None
    if epochs:
        trial.set_user_attr("epoch", int(np.median(epochs)))
    trial.set_user_attr("values", found)
    return states.COMPLETE, float(np.mean(found))


def _summary(
    trials: list[Any],
    splits: list[Split],
    method: str,
    fixed: dict[str, Any],
    space: Space,
    seed: int,
) -> Study:
    from fullrank.serving.model_files import versions

    done = [trial for trial in trials if trial.state.name == "COMPLETE"]
    if not done:
        errors = {trial.user_attrs.get("error", "stopped") for trial in trials}
        found = f"no trial with a value ({'; '.join(sorted(errors))})"
        raise FitError(f"tuning {method}", found, "a space in which the method can learn")
    best = max(done, key=lambda trial: trial.value)
    return Study(
        method=method,
        data=splits[0].name,
        fingerprint=splits[0].fingerprint,
        trials=len(trials),
        seed=seed,
        date=datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
        value=best.value,
        epochs=best.user_attrs.get("epoch"),
        settings=fixed | settings_in(best),
        space={name: described(each) for name, each in space.items()},
        seconds=round(sum(trial.duration.total_seconds() for trial in trials), 1),
        repeats=len(splits),
        values=best.user_attrs.get("values", [best.value]),
        split=splits[0].how,
        versions=versions(),
    )
