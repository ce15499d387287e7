"""``fit --workers``: several workers in the place of one process."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fullrank.cli.claims import CHECKPOINT, SHARDS
from fullrank.errors import SettingError

if TYPE_CHECKING:
    from fullrank.cli.nightly import NightlyOptions
    from fullrank.cli.output import Output
    from fullrank.data import Split
    from fullrank.recommender import Recommender

USUAL = "directspec+"
"""What several workers fit where no method is named: not all that `auto` tries can be shared."""


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

    def check(self, nightly: NightlyOptions, *, final: bool) -> None:
        """Sees that the options fit together, before long work.

        Raises:
            SettingError: they do not.
        """
        if self.balance not in ("global", "local"):
            raise SettingError("option --balance", repr(self.balance), "'global' or 'local'")
        if self.workers == 1 and self.balance != "global":
            raise SettingError("option --balance", "one worker", "--workers of at least 2")
        if self.workers > 1:
            given = {"--final": final, "--start-from": nightly.start_from is not None}
            for name in (name for name, there in given.items() if there):
                found = f"--workers {self.workers}"
                raise SettingError(f"option {name}", found, "one worker, or no such option")

    def method(self, named: str | None) -> str | None:
        """The method, `USUAL` where several workers are to fit one that nobody has named."""
        return USUAL if named is None and self.workers > 1 else named

    def workers_of(self, output: Output) -> Workers:
        """Those that fit."""
        return Workers(self.workers, self.balance, output.note)


@dataclass(frozen=True)
class Workers:
    """Who fits a model.

    Args:
        count: How many.
        balance: How they balance.
        note: Is told what a person should know.
    """

    count: int
    balance: str
    note: Callable[[str], None] | None = None

    def checkpoint(self, folder: Path) -> Path:
        """Where the state of the run is kept: a file of one process, a folder of several."""
        return folder / (CHECKPOINT if self.count == 1 else SHARDS)

    def fit(self, model: Recommender, split: Split, **how: Any) -> None:
        """Fits in this process, or by workers."""
        if self.count == 1:
            model.fit(split, **how)
            return
        from fullrank.scale import fit

        del how["start_from"]  # `WorkersOptions.check` has refused one
        how |= {"balancing": self.balance, "note": self.note}
        fit(model, split, workers=self.count, **how)


ALONE = Workers(1, "global")


def remove(checkpoint: Path) -> None:
    """Removes a checkpoint of one process or of several, if it is there."""
    if checkpoint.is_dir():
        shutil.rmtree(checkpoint, ignore_errors=True)
    else:
        checkpoint.unlink(missing_ok=True)
