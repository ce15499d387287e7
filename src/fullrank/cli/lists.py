"""``recommend --all -o FOLDER``: a folder of lists, by this process or by several."""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fullrank.cli.explained import with_reasons
from fullrank.cli.output import Output
from fullrank.cli.progress import EVERY
from fullrank.errors import SettingError

if TYPE_CHECKING:
    import polars as pl

    from fullrank.recommender import Recommender
    from fullrank.rules import Rules

SUFFIXES = (".parquet", ".csv", ".jsonl")
BLOCK_USERS = 50_000
"""Users whose lists are made together: with a BLAS the bits of a score can depend on it."""


@dataclass(frozen=True)
class FolderOptions:
    """How a folder of lists is made; each field is an option."""

    workers: Annotated[
        int | None,
        typer.Option(min=1, max=100_000, help="Processes that make a folder of lists, by Ray."),
    ] = None
    users_per_file: Annotated[
        int | None,
        typer.Option(min=1, help="Users of each file of a folder: 50000, as are ranked together."),
    ] = None

    def wanted(self, out: Path | None, everyone: bool) -> bool:
        """Whether ``-o`` is a folder.

        Raises:
            SettingError: an option of folders is there without one.
        """
        given = {"--workers": self.workers, "--users-per-file": self.users_per_file}
        options = [name for name, value in given.items() if value is not None]
        if out is None:
            folder = False
        elif out.suffix in SUFFIXES:
            folder = out.is_dir()
        else:
            folder = bool(options) or out.is_dir() or not out.suffix
        if options and not folder:
            found = "no -o" if out is None else f"the file {out.name!r}"
            raise SettingError(f"option {options[0]}", found, "a folder, as -o lists/")
        if folder and not everyone:
            raise SettingError("option -o", "a folder and --user", "--all, or a file")
        return folder


@dataclass(frozen=True)
class Asked:
    """What lists are to be."""

    k: int
    exclude_seen: bool
    exclude: tuple[str, ...]
    allow: tuple[str, ...] | None
    deny: tuple[str, ...] | None
    strict: bool
    include_untrained: bool
    source: bool | None
    rules: Rules | None
    explain: bool

    def frame(self, model: Recommender, users: pl.Series | list[Any]) -> pl.DataFrame:
        """The lists of some users."""
        frame = model.recommend(
            users,
            self.k,
            exclude_seen=self.exclude_seen,
            exclude=self.exclude,
            allow=self.allow,
            deny=self.deny,
            strict=self.strict,
            include_untrained=self.include_untrained,
            source=self.source,
            rules=self.rules,
        )
        return with_reasons(model, frame) if self.explain else frame

    def to_json(self) -> dict[str, Any]:
        """The options for a manifest, a list of ids by its checksum."""
        lists = {"allow": self.allow, "deny": self.deny}
        sums = {name: None if ids is None else _sum(list(ids)) for name, ids in lists.items()}
        rules = None if self.rules is None else self.rules.to_json()
        if rules is not None and len(json.dumps(rules)) > LONGEST_RULES:
            rules = {"checksum": _sum(rules)}
        names = ("k", "exclude_seen", "strict", "include_untrained", "source", "explain")
        plain = {name: getattr(self, name) for name in names}
        return plain | {"exclude": list(self.exclude), **sums, "rules": rules}


LONGEST_RULES = 10_000
"""Characters of rules up to which a manifest holds them."""


def write_folder(
    output: Output,
    out: Path,
    model: Recommender,
    model_dir: Path,
    asked: Asked,
    how: FolderOptions,
    changed: dict[str, str],
) -> tuple[dict[str, Any], Counter[int]]:
    """Makes a folder of lists, or what is missing in one; what was done, and their lengths.

    Args:
        output: Receives lines on the way.
        out: The folder.
        model: What lists are made with.
        model_dir: Where it was read.
        asked: What they are to be.
        how: By how many, and how many to a file.
        changed: What the model has from elsewhere, by a checksum; workers get a copy of one
            that was changed.
    """
    from fullrank.scale.scoring import fingerprint, score
    from fullrank.scale.scoring_folder import Job

    identity = {
        "model": {"method": model.method, "fingerprint": fingerprint(model_dir), **changed},
        "options": asked.to_json(),
    }
    block = how.users_per_file or BLOCK_USERS
    job = Job(out, json.loads(json.dumps(identity)), len(model.users), block, asked.frame)
    with tempfile.TemporaryDirectory(prefix="fullrank-") as own:
        work = None
        if how.workers is not None:
            from fullrank.scale.scoring_workers import workers

            if changed:
                model_dir = Path(own) / "model"
                model.save(model_dir)
            work = workers(model, model_dir, how.workers, say=output.note)
        with _progress(output, job.files) as done:
            written = score(job, model, work, say=output.note, done=done)
    document = {
        "folder": str(out),
        "users": job.users,
        "rows": written.rows,
        "files": job.files,
        "files_made": written.made,
    }
    if written.kept and written.made:
        output.note(f"{written.kept:,} of {job.files:,} files were there")
    return document, written.lengths


@contextmanager
def _progress(output: Output, files: int) -> Iterator[Any]:
    """A bar where standard error is a terminal, a line now and then where it is not."""
    console, begun = output.notes(), time.monotonic()
    first, said = -1, begun

    def rate(users: int) -> str:
        seconds = max(time.monotonic() - begun, 1e-9)
        return f"{(users - first) / seconds:,.0f} users a second"

    def line(there: int, users: int) -> None:
        nonlocal first, said
        if first < 0:
            first = users
        elif time.monotonic() - said >= EVERY:
            said = time.monotonic()
            output.note(f"{there:,} of {files:,} files, {rate(users)}")

    if not console.is_terminal:
        yield line
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24))
    with Progress(*columns, TimeRemainingColumn(), console=console) as bar:
        task = bar.add_task("lists", total=files)

        def move(there: int, users: int) -> None:
            nonlocal first
            first = users if first < 0 else first
            text = f"lists, file {there:,}/{files:,} · {rate(users)}"
            bar.update(task, completed=there, description=text)

        yield move


def _sum(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:16]
