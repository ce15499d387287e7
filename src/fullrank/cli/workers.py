"""``fit --workers``: several workers in the place of one process."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fullrank.cli.claims import CHECKPOINT, SHARDS
from fullrank.cli.options import usual_cutoffs
from fullrank.errors import SettingError

if TYPE_CHECKING:
    from fullrank.cli.output import Output
    from fullrank.cli.tables import SplitOptions
    from fullrank.data import Split
    from fullrank.recommender import Recommender
    from fullrank.scale.sources import Source

USUAL = "directspec+"
"""What several workers fit where no method is named: not all that `auto` tries can be shared."""
LARGE = 1 << 30
"""Bytes of data from which on it is said that there is a way without their being read."""
REMEDY = "`fullrank data prepare {data} -o STORE` makes a store, of which each worker maps its part"


@dataclass(frozen=True)
class WorkersOptions:
    """How many workers fit a model. Each field is an option."""

    workers: Annotated[
        int,
        typer.Option(min=1, help="Processes that Ray starts, here or on the cluster RAY_ADDRESS."),
    ] = 1
    balance: Annotated[
        str, typer.Option(help="Of several workers: global, or local to each, without messages.")
    ] = "global"

    def check(self) -> None:
        """Sees that the options fit together, before long work.

        Raises:
            SettingError: they do not.
        """
        if self.balance not in ("global", "local"):
            raise SettingError("option --balance", repr(self.balance), "'global' or 'local'")
        if self.workers == 1 and self.balance != "global":
            raise SettingError("option --balance", "one worker", "--workers of at least 2")

    def method(self, named: str | None) -> str | None:
        """The method, `USUAL` where several workers are to fit one that nobody has named."""
        return USUAL if named is None and self.workers > 1 else named

    def load(
        self,
        data: str,
        table: SplitOptions,
        output: Output,
        *,
        validation: float,
        final: bool = False,
        **how: Any,
    ) -> tuple[Split, Source | None]:
        """The data, and where workers get its pairs from if not from this process.

        Of a store nothing but ids is read.

        Args:
            data: A name, a file or a folder.
            table: How it is read and divided.
            output: Where it is said that all of it is read.
            validation: Fraction to choose the epoch by.
            final: Whether all parts are to be fitted on in the end.
            how: ``test``, the fraction to hold out, and ``seed``.
        """
        from fullrank.data.files import expanded
        from fullrank.data.store import Store, is_store

        if self.workers == 1 or not is_store(data):
            if self.workers > 1 and (size := bytes_of(data)) >= LARGE:
                said = f"{data}: {size / 2**30:.1f} GiB are read into the memory of this process"
                output.note(f"{said}; {REMEDY.format(data=quote(data))}")
            return table.load(data, validation=validation, **how), None
        from fullrank.scale.stored import Stored, check_fraction, split_of

        if final:
            found = f"a store with --workers {self.workers}, whose parts no process puts together"
            expected = "none: `data prepare --test 0 --validation 0` leaves every pair in train"
            raise SettingError("option --final", found, expected)
        table.check_as_divided(expanded(data), how["test"])
        store = Store.open(data)
        check_fraction(store, validation, self.workers)
        split = split_of(store, like=table.validation_like)  # type: ignore[arg-type]  # checked there
        return split, Stored.of(store)

    def may_report(self, source: Source | None, folder: Path, output: Output) -> bool:
        """Whether this process may look at all pairs for a page: not where workers alone had them.

        Args:
            source: Where they had them from, if not from this process.
            folder: Of the model.
            output: Where it is said that there is no page.
        """
        if source is not None:
            made = f"`fullrank report {quote(str(folder))}` makes it"
            output.note(f"no report.html, which looks at all pairs in one process: {made}")
        return source is None

    def workers_of(self, output: Output, source: Source | None = None) -> Workers:
        """Those that fit, with the pairs of ``source`` if they are not those of this process."""
        return Workers(self.workers, self.balance, output.note, source)


@dataclass(frozen=True)
class Workers:
    """Who fits a model.

    Args:
        count: How many.
        balance: How they balance.
        note: Is told what a person should know.
        source: Where they get the pairs from, if not from this process.
    """

    count: int
    balance: str
    note: Callable[[str], None] | None = None
    source: Source | None = None

    def checkpoint(self, folder: Path) -> Path:
        """Where the state of the run is kept: a file of one process, a folder of several."""
        return folder / (CHECKPOINT if self.count == 1 else SHARDS)

    def fit(self, model: Recommender, split: Split, **how: Any) -> None:
        """Fits in this process, or by workers, who evaluate on the test part as well."""
        if self.count == 1:
            model.fit(split, **how)
            return
        from fullrank.scale import fit

        how |= {"balancing": self.balance, "note": self.note, "source": self.source}
        if split.test is not None and len(split.test):
            how["k"] = usual_cutoffs(split.train.n_items)
        fit(model, split, workers=self.count, **how)

    def refit(self, model: Recommender, **how: Any) -> None:
        """Fits once more on all interactions, in this process or by workers."""
        if self.count == 1:
            model.refit(**how)
            return
        from fullrank.scale import refit

        how |= {"balancing": self.balance, "note": self.note}
        refit(model, workers=self.count, **how)


def bytes_of(data: str) -> int:
    """The size of a file, or of the files in a folder; 0 of what is elsewhere or not to be seen."""
    from fullrank.data.files import expanded
    from fullrank.data.sources.address import kind_of

    if kind_of(data) != "path":
        return 0
    path = expanded(data)
    with suppress(OSError):
        files = path.rglob("*") if path.is_dir() else [path]
        return sum(each.stat().st_size for each in files if each.is_file())
    return 0


ALONE = Workers(1, "global")


def remove(checkpoint: Path) -> None:
    """Removes a checkpoint of one process or of several, if it is there."""
    if checkpoint.is_dir():
        shutil.rmtree(checkpoint, ignore_errors=True)
    else:
        checkpoint.unlink(missing_ok=True)
