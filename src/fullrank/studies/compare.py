"""Several methods on one split, several seeds each: a table that says what is certain in it.

Every run is a file of its own, so a comparison that was stopped goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullrank.data.locks import exclusive
from fullrank.data.splits import Split
from fullrank.errors import DataError, FullrankError, SettingError
from fullrank.evaluation.significance import better_for_users, better_over_seeds, holm
from fullrank.methods import ClosedFormMethod, build_method, method_named
from fullrank.presets import presets
from fullrank.recommender import Recommender
from fullrank.serving.model_files import versions
from fullrank.studies.runs import Run, read_run, write_run

FORMAT = 2
"""Of the files of a run: those of another format are made anew."""


@dataclass(frozen=True)
class Entry:
    """A line of the table.

    Args:
        label: What it is called there.
        method: A name of the method table.
        values: Settings, without the seed.
    """

    label: str
    method: str
    values: Mapping[str, Any]


def entries_of(
    names: Sequence[str], data: str, values: Mapping[str, Any], preset: str | None = None
) -> list[Entry]:
    """Lines for methods by name; ``name@lightgcn`` is the method on that encoder.

    Args:
        names: What is compared.
        data: The data set, to find presets for.
        values: Settings for every method that has them.
        preset: Where a method (on its encoder: ``preset-lightgcn``) has it for the data, the
            settings to start from.

    Raises:
        SettingError: a name is unknown, or no method has one of the settings.
    """
    entries, unused = [], set(values)
    for label in names:
        name, _, encoder = label.partition("@")
        method = method_named(name)
        chosen: dict[str, Any] = {}
        if preset is not None:
            known = f"{preset}-{encoder}" if encoder else preset
            chosen |= presets().get((known, name, data), {})
        fields = method.model_fields
        chosen |= {key: value for key, value in values.items() if key in fields}
        unused -= set(fields)
        if encoder:
            chosen["encoder"] = encoder
        build_method(name, chosen)
        entries.append(Entry(label, name, chosen))
    if unused:
        raise SettingError("settings", f"{sorted(unused)[0]!r}", "a setting of one of the methods")
    if len({entry.label for entry in entries}) < len(entries):
        raise SettingError("methods", "a name twice", "different ones")
    return entries


def compare(
    split: Split,
    entries: Sequence[Entry],
    seeds: Sequence[int],
    folder: Path,
    *,
    k: Sequence[int] = (10, 20),
    protocol: str = "standard",
    threads: int | None = None,
    log: Callable[[str], None] = lambda line: None,  # noqa: ARG005
) -> Comparison:
    """Fits and evaluates what is not in ``folder`` yet, then sums up.

    A run that fails is logged and left out of the table, with its error in the document.

    Raises:
        DataError: the split has no test part, or the folder cannot be written.
        FullrankError: every run failed.
    """
    if split.test is None:
        raise DataError(split.name, "no test part", "one to compare on")
    runs: dict[str, list[Run]] = {}
    errors: dict[str, str] = {}
    for entry in entries:
        for seed in seeds:
            path = folder / "runs" / f"{entry.label}-{seed}-{_key(split, entry, seed, k, protocol)}"
            try:
                # Others make their runs meanwhile, and this one then finds them.
                with exclusive(path.parent, "compare", folder=True, wait=math.inf, say=log):
                    run, news = _run(split, entry, seed, path, k, protocol, threads, log)
            except FullrankError as error:
                if error.where.startswith(str(folder)):
                    raise  # of the folder, and of no method
                errors[entry.label] = str(error)
                log(f"{entry.label}, seed {seed}: {error}")
                break
            runs.setdefault(entry.label, []).append(run)
            main = _main_metric(run.metrics)
            log(f"{entry.label}, seed {seed}: {main} {run.metrics[main]:.4f}{news}")
    runs = {label: each for label, each in runs.items() if label not in errors}
    if not runs:
        raise SettingError("compare", "; ".join(errors.values()), "a method that can be fitted")
    return Comparison(split.name, split.fingerprint, protocol, list(seeds), runs, errors)


def _run(
    split: Split,
    entry: Entry,
    seed: int,
    path: Path,
    k: Sequence[int],
    protocol: str,
    threads: int | None,
    log: Callable[[str], None],
) -> tuple[Run, str]:
    checkpoint = path.with_suffix(".checkpoint")
    if path.with_suffix(".json").is_file():  # written last
        try:
            run = read_run(path)
        except DataError as error:
            log(f"{error}; made anew")
        else:
            checkpoint.unlink(missing_ok=True)  # of a run that was killed just then
            return run, " (from before)"
    model = Recommender(entry.method, threads=threads, seed=seed, **entry.values)
    trained = not isinstance(model.settings, ClosedFormMethod)
    if trained:
        model.fit(split, checkpoint=checkpoint, resume=checkpoint.is_file())
    else:
        model.fit(split)
    result = model.evaluate(k=k, protocol=protocol)
    users = {name: result.per_user(name) for name in result.names_per_user}
    metadata = {name: value for name, value in model.training.items() if name != "history"}
    history = model.training["history"]
    if history:
        metadata["epoch_seconds"] = float(np.median([record["seconds"] for record in history]))
    run = Run(dict(result), users, metadata)
    write_run(path, run, model.settings.model_dump())
    checkpoint.unlink(missing_ok=True)
    return run, f", {metadata['seconds']:.1f} s"


def _key(split: Split, entry: Entry, seed: int, k: Sequence[int], protocol: str) -> str:
    settings = build_method(entry.method, {**entry.values, "seed": seed}).model_dump()
    identity = [
        FORMAT,
        split.fingerprint,
        entry.method,
        settings,
        list(k),
        protocol,
        versions()["fullrank"],
    ]
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:10]


def _main_metric(metrics: Mapping[str, float]) -> str:
    return next((name for name in reversed(list(metrics)) if name.startswith("ndcg")), "")


class Comparison:
    """The runs of a comparison, and the table they make.

    Args:
        data: The data set.
        fingerprint: Of its split.
        protocol: What the metrics mean.
        seeds: Of the runs.
        runs: By label, one for each seed.
        errors: Of the methods that could not be run.
    """

    METADATA = ("effective_rank", "epoch_seconds", "seconds", "parameters")

    def __init__(
        self,
        data: str,
        fingerprint: str,
        protocol: str,
        seeds: list[int],
        runs: dict[str, list[Run]],
        errors: dict[str, str],
    ) -> None:
        self.data = data
        self.fingerprint = fingerprint
        self.protocol = protocol
        self.seeds = seeds
        self.runs = runs
        self.errors = errors
        self.metrics = list(next(iter(runs.values()))[0].metrics)

    def values(self, label: str, name: str) -> list[float]:
        """One value for each seed, of a metric or of the metadata of a run; if any."""
        each = [{**run.metadata, **run.metrics}.get(name) for run in self.runs[label]]
        return [float(value) for value in each if value is not None]

    def mean(self, label: str, name: str) -> float | None:
        """Mean over the seeds."""
        values = self.values(label, name)
        return float(np.mean(values)) if values else None

    def deviation(self, label: str, name: str) -> float:
        """Standard deviation over the seeds, of the sample; 0 of a single run."""
        values = self.values(label, name)
        return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0

    def ranked(self, name: str) -> list[str]:
        """Labels by a metric, best first."""
        means = {label: self.mean(label, name) for label in self.runs}
        known = [label for label, value in means.items() if value is not None]
        return sorted(known, key=lambda label: -(means[label] or 0.0))

    def tests(self, name: str) -> dict[str, dict[str, float | None]]:
        """Whether the best is better than each other one, Holm-corrected over these.

        Returns:
            By label: ``users``, the paired test over users of the means over seeds, and ``seeds``,
            the one-tailed test over runs.
        """
        best, *others = self.ranked(name)
        mine = self._of_users(best, name)
        by_users: list[float | None] = []
        by_seeds: list[float | None] = []
        for label in others:
            its = self._of_users(label, name)
            by_users.append(None if mine is None or its is None else better_for_users(mine, its))
            by_seeds.append(better_over_seeds(self.values(best, name), self.values(label, name)))
        pairs = zip(others, holm(by_users), holm(by_seeds), strict=True)
        return {label: {"users": users, "seeds": seeds} for label, users, seeds in pairs}

    def _of_users(self, label: str, name: str) -> NDArray[np.float64] | None:
        each = [run.users[name] for run in self.runs[label] if name in run.users]
        return np.mean(each, axis=0) if each else None

    def to_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        return {
            "data": self.data,
            "fingerprint": self.fingerprint,
            "protocol": self.protocol,
            "seeds": self.seeds,
            "versions": versions(),
            "methods": {
                label: {
                    name: {"mean": self.mean(label, name), "sd": self.deviation(label, name)}
                    for name in (*self.metrics, *self.METADATA)
                    if self.values(label, name)
                }
                for label in self.runs
            },
            "tests": {name: self.tests(name) for name in self.metrics if name in self._tested()},
            "errors": self.errors,
        }

    def _tested(self) -> set[str]:
        return set(next(iter(self.runs.values()))[0].users) if len(self.runs) > 1 else set()
