"""Lists for all users of a model: in this process, or by workers of Ray; restartable."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from fullrank.data.locks import exclusive
from fullrank.recommender import Recommender
from fullrank.scale import scoring_folder
from fullrank.scale.scoring_folder import Job, lengths_of
from fullrank.serving.model_files import read_manifest

DOING = "fullrank recommend"

Made = Generator[tuple[int, Counter[int]], None, None]
"""Numbers of files, each as soon as it is in its place, with its lists of each length."""
Workers = Callable[[Job, list[int]], Made]
"""Makes the files of these numbers."""


@dataclass(frozen=True)
class Written:
    """What lies in the folder."""

    rows: int
    lengths: Counter[int]
    """How many lists of each length."""
    made: int
    """Files that were made now."""
    kept: int
    """Files that were there."""


def score(
    job: Job,
    model: Recommender,
    work: Workers | None = None,
    *,
    say: Callable[[str], None] | None = None,
    done: Callable[[int, int], None] | None = None,
) -> Written:
    """Makes the files that are not there, and marks the folder as complete.

    Args:
        job: What is to be done.
        model: What lists are made with.
        work: Makes the files; this process if absent.
        say: Receives a line that names another process that writes the folder, before the wait.
        done: Is called with the number of files that are there and of their users, at first and
            after each.

    Raises:
        DataError: the folder is of other lists, the disk is full, or the model cannot be used.
    """
    users = model.users.values
    with exclusive(job.out, DOING, folder=True, wait=math.inf, say=say):
        found = scoring_folder.whole(job, users) if scoring_folder.begin(job) else {}
        missing = [number for number in range(job.files) if number not in found]
        kept, n_users = len(found), _users_of(job, found)
        tell = done or _silent
        tell(kept, n_users)
        try:
            if missing:
                with closing((work or here(model))(job, missing)) as made:
                    for number, lengths in made:
                        found[number] = lengths
                        n_users += lengths.total()
                        tell(len(found), n_users)
        finally:
            _clear(job.out)
        rows = scoring_folder.finish(job, found)
    return Written(rows, sum(found.values(), Counter()), len(missing), kept)


def here(model: Recommender) -> Workers:
    """What makes the files in this process, one after another."""

    def made(job: Job, numbers: list[int]) -> Made:
        for number in numbers:
            chosen = job.some(model.users.values, number)
            frame = job.make(model, chosen)
            scoring_folder.write(job, number, frame)
            yield number, lengths_of(frame, len(chosen))

    return made


def fingerprint(folder: Path) -> str:
    """16 hexadecimal digits of what a model folder holds, by the checksums of its files.

    Raises:
        DataError: there is no model in it.
    """
    manifest = read_manifest(folder)
    sums = sorted((name, entry["sha256"]) for name, entry in manifest["files"].items())
    return hashlib.sha256(repr((manifest["method"], sums)).encode()).hexdigest()[:16]


def _silent(files: int, users: int) -> None:
    """Says nothing."""


def _users_of(job: Job, numbers: Iterable[int]) -> int:
    return sum(min(job.block, job.users - number * job.block) for number in numbers)


def _clear(out: Path) -> None:
    """Removes what workers that ended in the middle of a file have left."""
    with exclusive(out, DOING, folder=True):  # it is ours already: this only clears
        pass
