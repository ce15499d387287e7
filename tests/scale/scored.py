"""What the tests of lists share: small models in folders, and a quiet cluster."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import numpy as np
import polars as pl

from fullrank import Recommender
from fullrank.data import Split
from fullrank.scale.scoring_folder import Job

KINDS = {
    "bpr": {"epochs": 1, "dim": 8, "batch_size": 256},
    "directspec+": {"epochs": 1, "dim": 8, "batch_size": 256},
    "ease": {},
    "itemknn": {},
    "popularity": {},
    "allpass": {},
    "sgfcf": {},
}
"""Methods by every kind of scorer, with settings that take no time."""
STEADY = {"bpr", "directspec+", "ease", "itemknn", "popularity"}
"""Those whose bits do not depend on threads, or on who is ranked together."""


def fitted(method: str, data: Split, folder: Path) -> Recommender:
    """A model in a folder, as it is read from there."""
    Recommender(method, threads=1, **KINDS[method]).fit(data).save(folder)
    return Recommender.load(folder)


def top(model: Recommender, users: pl.Series) -> pl.DataFrame:
    """Five items each, with the column ``source``."""
    return model.recommend(users, 5, source=True)


def job_of(model: Recommender, out: Path, block: int = 60, make=top) -> Job:
    return Job(out, {"of": "a test"}, len(model.users), block, make)


def same(out: Path, expected: pl.DataFrame) -> bool:
    """Whether the files one after another are the frame, to the bit."""
    found = pl.read_parquet(sorted(out.glob("part-*.parquet")), glob=False)
    scores = [np.asarray(each["score"].to_numpy()).tobytes() for each in (found, expected)]
    return found.schema == expected.schema and found.equals(expected) and scores[0] == scores[1]


class Killed:
    """Makes lists with what workers share, and kills its own process before those of one user.

    Args:
        user: Who.
        marks: A folder that remembers how often.
        most: Times to do so.
    """

    def __init__(self, user: object, marks: Path, most: int = 1) -> None:
        self.user, self.marks, self.most = user, marks, most

    def __call__(self, model: Recommender, users: pl.Series) -> pl.DataFrame:
        before = len(list(self.marks.iterdir()))
        if self.user in users.to_list() and before < self.most:
            (self.marks / f"{before}-{os.getpid()}").touch()
            sys.stderr.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        # Of the object store, which can only be read.
        assert not model.scorer.packed_items().panels.flags.writeable
        return top(model, users)
