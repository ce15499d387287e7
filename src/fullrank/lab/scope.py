"""What an experiment is asked for: data sets, seeds, how long; and the way to data and runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from fullrank.data import load
from fullrank.data.catalog import CATALOG, cached, find, local
from fullrank.data.splits import Split
from fullrank.lab.groups import Group
from fullrank.lab.spec import Grid, Run
from fullrank.lab.store import Store
from fullrank.lab.training import resolved
from fullrank.methods import TrainedMethod
from fullrank.presets import presets

VALIDATION = 0.1
"""Share of train that curves and choices are made on; section V-A of the paper says a tenth."""
STAND_INS = {"yelp": ("yelp-sparse", "yelp2018")}
"""What is shown where the files of a data set are not at hand."""


class Splits:
    """Data sets, each read once."""

    def __init__(self, loader: Callable[..., Split] = load) -> None:
        self.loader = loader
        self._kept: dict[tuple[str, bool], Split] = {}

    def of(self, run: Run) -> Split:
        """The parts of a run's data: with a validation part if it is for one."""
        return self.named(run.data, validation=run.part == "validation")

    def named(self, name: str, *, validation: bool) -> Split:
        """A data set, with a validation part (always that of seed 0) or without."""
        if (name, validation) not in self._kept:
            share = VALIDATION if validation else 0.0
            self._kept[name, validation] = self.loader(name, validation=share, seed=0)
        return self._kept[name, validation]

    def described(self, name: str) -> dict[str, Any]:
        """Sizes and fingerprints, for JSON, of the parts that were used."""
        kept = [split for (each, _), split in self._kept.items() if each == name]
        return kept[0].summary() if kept else {}


@dataclass(frozen=True)
class Scope:
    """What is asked for, and the way to data and runs.

    Args:
        data: Names of the data sets that the experiment is made on.
        seeds: Runs of each label.
        quick: Whether minutes have to do: fewer epochs, a coarser grid.
        store: Of runs.
        splits: Of data.
        note: Receives lines on the progress.
        only: Labels to keep of a grid that can do with fewer; all if empty.
        most_epochs: Epochs that no run exceeds; no bound if absent.
    """

    data: tuple[str, ...]
    seeds: int
    quick: bool
    store: Store
    splits: Splits
    note: Callable[[str], None] = lambda line: None  # noqa: ARG005
    only: tuple[str, ...] = ()
    most_epochs: int | None = None

    @property
    def name(self) -> str:
        """The data set, of an experiment on one."""
        return self.data[0]

    def split(self, name: str | None = None, *, validation: bool = True) -> Split:
        """A data set's parts."""
        return self.splits.named(name or self.name, validation=validation)

    def epochs(self, full: int, quick: int) -> int:
        """So many, by what is asked for."""
        return quick if self.quick else full

    def preset(self, method: str, names: Iterable[str], data: str | None = None) -> dict[str, Any]:
        """``{"preset": name}`` of the first of ``names`` that there is; nothing without one."""
        for name in names:
            if (name, method, data or self.name) in presets():
                return {"preset": name}
        return {}

    def train(self, grid: Grid) -> dict[str, Group]:
        """The runs of a grid with every seed, trained where the store has them not.

        Further seeds that the store has already, in their order, are used as well.
        """
        grid = {label: self._capped(run) for label, run in grid.items()}
        wanted = {label: min(self.seeds, run.seeds or self.seeds) for label, run in grid.items()}
        total = sum(wanted.values())
        groups, at = {}, 0
        for label, run in grid.items():
            done = []
            for seed in range(wanted[label]):
                at += 1
                each = dataclasses.replace(run, seed=seed)
                if not self.store.has(each):
                    self.note(f"run {at} of {total}: {label}, seed {seed}")
                done.append(self.store.get(each))
            more = dataclasses.replace(run, seed=len(done))
            while run.seeds is None and self.store.has(more):
                done.append(self.store.get(more))
                more = dataclasses.replace(more, seed=more.seed + 1)
            groups[label] = Group(label, run, done)
        return groups

    def _capped(self, run: Run) -> Run:
        if self.most_epochs is None:
            return run
        method = resolved(run, self.splits.of(run).train)  # a preset has epochs, too
        if isinstance(method, TrainedMethod):
            capped = {**run.settings, "epochs": min(method.epochs, self.most_epochs)}
            run = dataclasses.replace(run, settings=capped)
        start = None if run.start is None else self._capped(run.start)
        return dataclasses.replace(run, start=start)


def at_hand(name: str) -> bool:
    """Whether a data set can be read without asking any network."""
    if name not in CATALOG:
        return True  # a path, which `load` finds or names in its error
    entry = find(name)
    return all(local(entry, file) or cached(entry, file) for file in entry.files)


def data_for(on: Iterable[str], asked: tuple[str, ...]) -> tuple[str, ...]:
    """The data sets for an experiment: those asked for, or the paper's as far as they are at hand.

    >>> data_for(("citeulike",), ("demo",))
    ('demo',)
    """
    if asked:
        return asked
    found: list[str] = []
    for name in on:
        names = (name,) if at_hand(name) else STAND_INS.get(name, (name,))
        found += [each for each in names if each not in found]
    return tuple(found)
