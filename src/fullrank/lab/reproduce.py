"""Makes experiments: trains what they need, and writes their files and the page that joins them."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fullrank.data.catalog import CATALOG
from fullrank.data.files import output
from fullrank.engine.devices import torch_threads
from fullrank.errors import SettingError
from fullrank.lab.groups import Groups
from fullrank.lab.lineup import ROWS
from fullrank.lab.registry import EXPERIMENTS
from fullrank.lab.report import check_index, write_index, write_section
from fullrank.lab.scope import Scope, Splits, data_for
from fullrank.lab.spec import Experiment
from fullrank.lab.store import Store
from fullrank.serving.model_files import versions
from fullrank.settings import nearest
from fullrank.training import Reporter

PROTOCOL = (
    "curves are of a tenth of train held out (seed 0), protocol standard; test figures are of runs "
    "on the whole of train, evaluated once"
)


@dataclass(frozen=True)
class Asked:
    """What `fullrank reproduce` was asked for.

    Args:
        data: Data sets; the paper's own of each experiment if empty.
        seeds: Runs of each label, seeds 0, 1, …
        quick: Whether minutes have to do.
        threads: To train with.
        only: Labels of rows of table-4 to keep; all if empty.
        most_epochs: Epochs that no run exceeds, to see that all works; no bound if absent.
    """

    data: tuple[str, ...] = ()
    seeds: int = 1
    quick: bool = False
    threads: int | None = None
    only: tuple[str, ...] = ()
    most_epochs: int | None = None

    def command(self, name: str, data: Sequence[str]) -> str:
        """What makes the same files again."""
        words = ["fullrank", "reproduce", name]
        words += ["--data", ",".join(data)] if data else []
        words += ["--only", ",".join(self.only)] if self.only else []
        if self.most_epochs is not None:
            words += ["--most-epochs", str(self.most_epochs)]
        words += ["--seeds", str(self.seeds)] if self.seeds > 1 else []
        return " ".join(shlex.quote(word) for word in words + ["--quick"] * self.quick)


def experiments_named(ids: Sequence[str]) -> list[Experiment]:
    """The experiments of these ids, in the order of the paper; ``all`` names every one.

    Raises:
        SettingError: an id is unknown.
    """
    for name in ids:
        if name != "all" and name not in EXPERIMENTS:
            raise SettingError("experiment", repr(name), nearest(name, [*EXPERIMENTS, "all"]))
    return [each for name, each in EXPERIMENTS.items() if name in ids or "all" in ids]


def reproduce(
    ids: Sequence[str],
    folder: str | Path,
    asked: Asked,
    *,
    runs: Path | None = None,
    splits: Splits | None = None,
    note: Callable[[str], None] = lambda line: None,  # noqa: ARG005
    reporter: Callable[[], Reporter] | None = None,
) -> list[dict[str, Any]]:
    """Makes experiments one after the other; what is trained stays in the store of runs.

    Args:
        ids: Of experiments, or ``all``.
        folder: For the files of each, and the page that joins them.
        asked: Data, seeds and the like.
        runs: Folder of the store; ``runs`` in ``folder`` if absent.
        splits: The way to data.
        note: Receives lines on the progress.
        reporter: Makes the reporter of a training.

    Returns:
        Of each section its stem, its headline and its numbers.

    Raises:
        SettingError: an id or a setting is unknown.
        DataError: data or files cannot be read or written.
        KeyboardInterrupt: Ctrl-C; what was trained is kept, and the next call goes on.
    """
    folder, chosen = output(folder), experiments_named(ids)
    check_index(folder)
    _check_names(asked.data)
    _check_only(asked.only, chosen)
    splits = splits or Splits()
    store = Store(runs or folder / "runs", splits.of, note, reporter)
    made = []
    with torch_threads(asked.threads):
        for experiment in chosen:
            names = data_for(experiment.on, asked.data) if experiment.on else ()
            for data in [names] if experiment.across else [(name,) for name in names]:
                scope = Scope(data, asked.seeds, asked.quick, store, splits, note, asked.only,
                              asked.most_epochs)  # fmt: skip
                made.append(_section(folder, experiment, scope, asked))
                note(f"{made[-1]['stem']}: {made[-1]['headline']}")
    write_index(folder, list(EXPERIMENTS))
    return made


def _section(folder: Path, experiment: Experiment, scope: Scope, asked: Asked) -> dict[str, Any]:
    stem = experiment.id if experiment.across else f"{experiment.id}-{slug(scope.name)}"
    scope.note(f"{stem}: {experiment.title}")
    began = time.perf_counter()
    groups = scope.train(experiment.grid(scope))
    if experiment.finals is not None:
        groups |= scope.train(experiment.finals(scope, groups))
    finding = experiment.compute(scope, groups)
    runs = {label: group.done for label, group in groups.items()}
    about = {
        "data_names": list(scope.data),
        "data": {name: scope.splits.described(name) for name in scope.data},
        "below": _below(experiment, scope, groups),
        "protocol": PROTOCOL,
        "seeds": scope.seeds,
        "quick": scope.quick,
        "threads": asked.threads,
        "command": asked.command(experiment.id, scope.data),
        "versions": versions(),
        "seconds": round(time.perf_counter() - began, 1),
        "seconds_trained": round(sum(each.seconds for done in runs.values() for each in done), 1),
        "settings": {label: done[0].settings for label, done in runs.items()},
        "runs": {label: [each.key for each in done] for label, done in runs.items()},
    }
    write_section(folder, stem, experiment, finding, about)
    return {"stem": stem, "headline": finding.headline, "numbers": dict(finding.numbers)}


def slug(data: str) -> str:
    """A data set's name as part of a file name; of a path its last part without the suffix.

    >>> slug("yelp-sparse"), slug("/data/my events.csv")
    ('yelp-sparse', 'my-events')
    """
    name = data if data in CATALOG else Path(data).stem
    return re.sub(r"[^\w.-]+", "-", name)


def _check_names(data: Sequence[str]) -> None:
    """Sees that no section would be written over by that of another data set.

    Raises:
        SettingError: two data sets have one name in the names of files.
    """
    known: dict[str, str] = {}
    for name in data:
        other = known.pop(slug(name), None)
        known[slug(name)] = name
        if other is not None:
            found = f"{other!r} and {name!r}, which would both be written to …-{slug(name)}.json"
            raise SettingError("option --data", found, "data sets whose files differ in their name")


def _check_only(only: Sequence[str], chosen: Sequence[Experiment]) -> None:
    """Sees that rows that are asked for are there, and that something asks for rows.

    Raises:
        SettingError: a label is of no row of table-4, or no table-4 is made.
    """
    known = [row.label for row in ROWS]
    for label in only:
        if label not in known:
            raise SettingError("option --only", repr(label), nearest(label, known))
    if only and all(each.id != "table-4" for each in chosen):
        names = " ".join(each.id for each in chosen)
        raise SettingError("option --only", f"rows of table-4 for {names}", "table-4 among the IDs")


def _below(experiment: Experiment, scope: Scope, groups: Groups) -> str:
    """Data, seeds and how thorough, in a line for under the title."""
    text = ", ".join(scope.data) if scope.data else "generated"
    missing = [name for name in experiment.on if name not in scope.data]
    if missing:
        text += f" (the paper: {', '.join(experiment.on)})"
    if groups:
        # The store may have more than were asked for. Runs that others are chosen by have fewer.
        shown = [group for group in groups.values() if group.run.seeds is None]
        counts = {len(group.done) for group in shown or groups.values()}
        fewest, most = min(counts), max(counts)
        text += (
            f"; {fewest} to {most} seeds" if fewest < most else f"; {most} seed{'s' * (most > 1)}"
        )
        text += "; a quick look: few epochs, coarse grids" * scope.quick
    return text
