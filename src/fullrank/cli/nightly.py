"""Fits that follow one another: a folder of versions, and a gate before the one that is served."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fullrank.cli.claims import CHECKPOINT, SHARDS, claimed
from fullrank.errors import DataError, SettingError

if TYPE_CHECKING:
    from fullrank.cli.output import Output
    from fullrank.nightly import Gate, Versions
    from fullrank.recommender import Recommender

REJECTED = 3
"""Exit code of a fit whose model the gate did not let pass."""


@dataclass(frozen=True)
class NightlyOptions:
    """How a model follows the one before it. Each field is an option."""

    versions: Annotated[
        bool,
        typer.Option(
            "--versions", help="DIR of -o holds versions: a new one is made and becomes current."
        ),
    ] = False
    keep: Annotated[
        int | None, typer.Option(min=1, help="Of --versions: how many to keep; all if absent.")
    ] = None
    unless_worse_than: Annotated[
        str | None,
        typer.Option(
            metavar="DIR", help="Keep that model (of versions: current) and exit 3 if it is better."
        ),
    ] = None
    tolerance: Annotated[str, typer.Option(help="By how much the new one may be worse, as 2%.")] = (
        "0%"
    )
    start_from: Annotated[
        str | None,
        typer.Option(
            metavar="DIR", help="Model (or current) whose rows training begins with, by id."
        ),
    ] = None

    def check(self, holdout: float) -> None:
        """Sees that the options fit together, before long work.

        Raises:
            SettingError: they do not.
        """
        share_of(self.tolerance)
        if self.unless_worse_than is not None and not holdout:
            raise SettingError("option --unless-worse-than", "--holdout 0", "something to judge by")
        if self.unless_worse_than is None and self.tolerance != "0%":
            raise SettingError("option --tolerance", "no --unless-worse-than", "both")
        if self.keep is not None and not self.versions:
            raise SettingError("option --keep", "no --versions", "both")

    @contextmanager
    def claimed(self, out: Path, output: Output, *, resume: bool, restart: bool) -> Iterator[Night]:
        """Holds the output folder; of versions, a new one in it, which is current in the end.

        Raises:
            DataError: another process has it, or it is not free.
            FitError: there is nothing to go on from, or an unfinished run would be lost.
        """
        from fullrank.data.files import as_data_errors
        from fullrank.nightly import Versions

        if not self.versions:
            with claimed(out, resume=resume, restart=restart) as folder:
                yield Night.following(self, folder, None, output)
            return
        if resume and restart:
            raise SettingError("options", "both --resume and --restart", "one of them")
        versions = Versions(out)
        with versions.held("fullrank fit --versions"):
            folder = _unfinished(versions) if resume else versions.new()
            try:
                with claimed(folder, resume=resume):
                    with as_data_errors(folder):
                        folder.mkdir(exist_ok=True)
                    night = Night.following(self, folder, versions, output)
                    yield night
            except BaseException:
                with suppress(OSError):
                    folder.rmdir()  # only where nothing is in it
                raise
            if night.kept:
                _serve(versions, folder.name, output, passed=night.passed, keep=self.keep)


@dataclass
class Night:
    """One fit, with what went before it.

    Args:
        folder: Where the model goes.
        versions: The folder of versions, if that is what ``-o`` names.
        start: Model whose rows training begins with.
        gate: Before the model that is served.
        passed: Whether the gate let the new model pass.
        judged: Whether it was asked.
        kept: Whether it was saved.
    """

    folder: Path
    versions: Versions | None = None
    start: Path | None = None
    gate: Gate | None = None
    passed: bool = True
    judged: bool = False
    kept: bool = False

    @classmethod
    def following(
        cls, options: NightlyOptions, folder: Path, versions: Versions | None, output: Output
    ) -> Night:
        """With the models that the options name; the old one is read now, before long work.

        Raises:
            DataError: there is no such model. On the first night of versions none is current, and
                one that is broken stands in nobody's way.
        """
        start = _named(options.start_from, versions, "--start-from", output)
        old = _named(options.unless_worse_than, versions, "--unless-worse-than", output)
        return cls(folder, versions, start, _gate(old, options, versions, output))

    def ask(self, model: Recommender, output: Output) -> None:
        """Has the gate, if there is one, judge a model, which keeps what it said."""
        if self.gate is None:
            return
        judgement = self.gate.judge(model)
        self.passed, self.judged = judgement.passed, True
        model.training |= {"gate": judgement.to_dict()}
        output.note(f"gate: {judgement}")

    @property
    def wanted(self) -> bool:
        """Whether the model is to be saved: of versions, one that was rejected as well.

        A fit that is stopped before its gate was asked takes the place of no model.
        """
        return self.versions is not None or (self.passed and (self.judged or self.gate is None))


def _named(name: str | None, versions: Versions | None, option: str, output: Output) -> Path | None:
    from fullrank.nightly import CURRENT

    if name is None:
        return None
    if versions is None or (name != CURRENT and Path(name).exists()):
        return Path(name)
    if name == CURRENT and versions.current() is None:
        output.note(f"{option} current: there is no version yet, so this is the first")
        return None
    return versions.path(name)


def _gate(
    old: Path | None, options: NightlyOptions, versions: Versions | None, output: Output
) -> Gate | None:
    from fullrank.nightly import Gate
    from fullrank.recommender import Recommender

    if old is None:
        return None
    try:
        return Gate(Recommender.load(old), share_of(options.tolerance))
    except DataError as error:
        if versions is None:
            raise
        output.note(f"the current version cannot be read, so any other is better: {error}")
        return None


def share_of(text: str) -> float:
    """``2%`` or ``0.02`` as a share.

    Raises:
        SettingError: it is none.
    """
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 <= share < 1:
        raise SettingError("option --tolerance", repr(text), "a share below 100%, as 2%")
    return share


def _unfinished(versions: Versions) -> Path:
    for name in sorted([*versions.names(), *versions.unfinished()], reverse=True):
        if any((versions.folder / name / kept).exists() for kept in (CHECKPOINT, SHARDS)):
            return versions.folder / name
    found = "no version whose fit was interrupted"
    raise DataError(str(versions.folder), found, "one to go on from, or no --resume")


def _serve(
    versions: Versions, name: str, output: Output, *, passed: bool, keep: int | None
) -> None:
    """Points at the new version if it may be served, and removes what nobody needs."""
    if passed:
        versions.point(name)
    dead = versions.unfinished()
    gone = versions.prune(keep if keep is not None else len(versions.names()))
    for each in gone:
        why = "whose fit did not end" if each in dead else f"older than the last {keep}"
        output.note(f"removed version {each}, {why}")
