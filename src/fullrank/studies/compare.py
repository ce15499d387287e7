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

from fullrank.auditing import draw_of
from fullrank.data.locks import exclusive
from fullrank.data.splits import Split
from fullrank.errors import DataError, FullrankError, SettingError
from fullrank.methods import ClosedFormMethod, build_method, method_named
from fullrank.presets import preset_named, presets
from fullrank.recommender import Recommender
from fullrank.serving.model_files import versions
from fullrank.studies.comparison import Comparison
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
        preset: Which they start from, if any.
    """

    label: str
    method: str
    values: Mapping[str, Any]
    preset: str | None = None


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
        SettingError: a name is unknown, no method has one of the settings or the preset, or the
            seed is among them, which differs by run.
    """
    if "seed" in values:
        raise SettingError("setting seed", repr(values["seed"]), "--seeds, how many runs there are")
    entries, unused = [], set(values)
    for label in names:
        name, _, encoder = label.partition("@")
        method = method_named(name)
        known = f"{preset}-{encoder}" if encoder else preset
        kept = None if known is None else presets().get((known, name, data))
        chosen: dict[str, Any] = dict(kept or {})
        fields = method.model_fields
        chosen |= {key: value for key, value in values.items() if key in fields}
        unused -= set(fields)
        if encoder:
            chosen["encoder"] = encoder
        build_method(name, chosen)
        entries.append(Entry(label, name, chosen, None if kept is None else known))
    if unused:
        raise SettingError("settings", f"{sorted(unused)[0]!r}", "a setting of one of the methods")
    if len({entry.label for entry in entries}) < len(entries):
        raise SettingError("methods", "a name twice", "different ones")
    if preset is not None and not any(entry.preset for entry in entries):
        preset_named(preset, entries[0].method, data)  # says which there are
        raise SettingError("preset", f"{preset!r}, which no entry has", "one for an entry")
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
    one_tailed: bool = False,
    log: Callable[[str], None] = lambda line: None,  # noqa: ARG005
) -> Comparison:
    """Fits and evaluates what is not in ``folder`` yet, then sums up.

    A run that fails is logged and left out of the table, with its error in the document.

    Args:
        split: What is trained and, on its test part, evaluated on.
        entries: What is compared.
        seeds: Of the runs of each.
        folder: Keeps the runs.
        k: Cutoffs.
        protocol: As for `evaluate`.
        threads: Of each fit.
        one_tailed: Mark the best by the paper's tests; see `Comparison.tests_one_tailed`.
        log: Receives a line for each run.

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
    drawn = {"split": split.how, "audit": draw_of(split.train, split.validation, split.test)}
    drawn |= {"presets": {entry.label: entry.preset for entry in entries if entry.preset}}
    return Comparison(
        split.name,
        split.fingerprint,
        protocol,
        list(seeds),
        runs,
        errors,
        drawn=drawn,
        one_tailed=one_tailed,
    )


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
