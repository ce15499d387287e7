"""The folder that a fit writes: free or ours, and nobody else's for as long as it runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fullrank.errors import DataError, FitError, SettingError

CHECKPOINT, LOG = "checkpoint.safetensors", "log.jsonl"
SHARDS = "checkpoint.shards"
"""The checkpoint of several workers, a folder."""


@contextmanager
def claimed(out: Path, *, resume: bool = False, restart: bool = False) -> Iterator[Path]:
    """Holds the output folder for a whole run, so that no other one writes into it.

    Args:
        out: The folder.
        resume: Whether the run goes on from the checkpoint in it.
        restart: Whether that checkpoint may be lost.

    Yields:
        The folder, a ``~`` replaced.

    Raises:
        DataError: another process has it, or it is not free; see `_check_ours`.
        FitError: there is nothing to go on from, or an unfinished run would be lost.
    """
    from fullrank.data.files import output
    from fullrank.data.locks import exclusive

    if resume and restart:
        raise SettingError("options", "both --resume and --restart", "one of them")
    out = output(out)
    _check_ours(out)  # before anything is made in a folder of somebody else's
    with exclusive(out, "fullrank fit", folder=True):
        _check_run(_check_ours(out), out, resume, restart)
        yield out


def _check_ours(out: Path) -> set[str]:
    """The names in the output folder.

    Raises:
        DataError: ``out`` is a file, or a folder with other things than a model or an unfinished
            run in it.
    """
    from fullrank.serving.model_files import MANIFEST, is_of_a_model, read_manifest

    if out.exists() and not out.is_dir():
        raise DataError(str(out), "a file", "a folder, or a name that is free")
    held = {path.name for path in out.iterdir()} if out.is_dir() else set()
    if MANIFEST in held:
        read_manifest(out)  # many programs call a file of theirs so
    else:
        others = {name for name in held - {CHECKPOINT, SHARDS, LOG} if not is_of_a_model(name)}
        if others:
            found = f"a folder with {min(others)!r} in it and no model"
            expected = "an empty folder, a model folder or a name that is free"
            raise DataError(str(out), found, expected)
    return held


def _check_run(held: set[str], out: Path, resume: bool, restart: bool) -> None:
    from fullrank.serving.model_files import MANIFEST

    kept = held & {CHECKPOINT, SHARDS}
    if resume and not kept:
        found = "a finished model" if MANIFEST in held else "no checkpoint"
        raise FitError(str(out), found, f"{CHECKPOINT} of an interrupted run, or no --resume")
    if kept and not (resume or restart):
        expected = "--resume to go on from it, or --restart to lose it and begin anew"
        raise FitError(str(out), "the checkpoint of an unfinished run", expected)
