"""The store of runs: each is trained once, found again by its content, and gone on with if it died.

The key of a run is a hash of all that its result depends on: the method with every setting, the
data's fingerprints, what it starts from, and the versions that it was made with.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

from fullrank.data.files import output, replacing
from fullrank.data.locks import exclusive
from fullrank.data.plain_names import plain_name
from fullrank.data.splits import Split
from fullrank.errors import DataError
from fullrank.lab import training
from fullrank.lab.spec import Run
from fullrank.methods import Method, TrainedMethod
from fullrank.serving.model_files import versions
from fullrank.studies import runs as run_files
from fullrank.training import CheckpointFile, Reporter
from fullrank.training.checkpoint import Record

FORMAT = 1
"""Of what is recorded; runs of another one are trained anew."""
_NOT_CONTENT = {"patience", "validate_every", "checkpoint_every", "weighting"}
"""Settings that change nothing of a run without early stopping, of data without weights."""
_NEUTRAL = {"item_power": 1.0, "popularity": 0.0}
"""Settings with a value that changes nothing: runs of before there was such a setting stand."""
CHECKPOINT_EVERY = 5


@dataclass(frozen=True)
class Done:
    """A finished run."""

    key: str
    settings: dict[str, Any]
    metrics: dict[str, float]
    users: dict[str, NDArray[np.float64]]
    history: list[Record]
    seconds: float
    versions: dict[str, str]
    error: str | None = None


class Store:
    """A folder of runs.

    Args:
        folder: Where they are; made if absent.
        split_of: Gives the data of a run.
        note: Receives a line for each run that is trained.
        reporter: Makes the reporter of a training; none if absent.
    """

    def __init__(
        self,
        folder: Path,
        split_of: Callable[[Run], Split],
        note: Callable[[str], None] = lambda line: None,  # noqa: ARG005
        reporter: Callable[[], Reporter] | None = None,
    ) -> None:
        self.folder = output(folder)
        self.split_of = split_of
        self.note = note
        self.reporter = reporter

    def key(self, run: Run) -> str:
        """What the run is stored under."""
        return self._identified(run)[1]

    def has(self, run: Run) -> bool:
        """Whether it is finished."""
        return (self.folder / f"{self.key(run)}.json").is_file()

    def get(self, run: Run, *, tables: bool = False) -> Done:
        """The finished run: read, or trained to its end first.

        Args:
            run: What is wanted.
            tables: Whether its last tables are wanted too, which is to have them stored.

        Raises:
            DataError: the folder cannot be written.
            KeyboardInterrupt: Ctrl-C; the next call goes on.
        """
        method, key = self._identified(run)
        path = self.folder / key
        with exclusive(
            path.with_suffix(".json"), "fullrank reproduce", wait=math.inf, say=self.note
        ):
            found = self._read(path)
            if found is not None and not (tables and not self._tables_file(key).is_file()):
                path.with_suffix(".checkpoint").unlink(missing_ok=True)  # killed just then
                return found
            return self._trained(run, method, path, tables=tables)

    def tables(self, run: Run) -> dict[str, Tensor]:
        """``users`` and ``items`` that a run ended with."""
        done = self.get(run, tables=True)
        if done.error is not None:
            raise DataError(f"run {done.key}", done.error, "tables to start from")
        with plain_name(self._tables_file(done.key)) as name:
            return load_file(name)

    def _tables_file(self, key: str) -> Path:
        return self.folder / f"{key}.tables.safetensors"

    def _identified(self, run: Run) -> tuple[Method, str]:
        split = self.split_of(run)
        method = training.resolved(run, split.train)
        made_with = {name: versions()[name] for name in ("fullrank", "torch", "kernels")}
        if made_with["kernels"].startswith("torch"):
            made_with["kernels"] = "torch"
        settings = method.model_dump(mode="json", exclude=_NOT_CONTENT)
        settings = {name: x for name, x in settings.items() if _NEUTRAL.get(name, ...) != x}
        identity = {
            "format": FORMAT,
            "method": run.method,
            "settings": settings,
            "data": {name: part.fingerprint for name, part in split.parts.items()},
            "part": run.part,
            "every": run.every,
            "start": None if run.start is None else self.key(run.start),
            **made_with,
            **_also(run, split),
        }
        text = json.dumps(identity, sort_keys=True)
        return method, hashlib.sha256(text.encode()).hexdigest()[:16]

    def _read(self, path: Path) -> Done | None:
        if not path.with_suffix(".json").is_file():
            return None
        try:
            kept = run_files.read_run(path)
        except DataError as error:
            self.note(f"{error}; trained anew")
            return None
        data = kept.metadata
        metrics = {name: value for name, value in kept.metrics.items() if "/" in name}
        return Done(
            path.name,
            data["settings"],
            metrics,
            kept.users,
            data["history"],
            data["seconds"],
            data["versions"],
            data["error"],
        )

    def _trained(self, run: Run, method: Method, path: Path, *, tables: bool) -> Done:
        start = None if run.start is None else self.tables(run.start)
        if isinstance(method, TrainedMethod):
            method = method.replace(checkpoint_every=CHECKPOINT_EVERY)
        checkpoint = CheckpointFile(path.with_suffix(".checkpoint"), {"run": path.name})
        done = training.train(
            run,
            method,
            self.split_of(run),
            checkpoint=checkpoint,
            reporter=self.reporter() if self.reporter else None,
            start=start,
        )
        if tables and done.tables is not None:
            users, items = (table.cpu().contiguous() for table in done.tables)
            with replacing(self._tables_file(path.name)) as part, plain_name(part) as name:
                save_file({"users": users, "items": items}, name)
        settings = method.model_dump(mode="json", exclude=_NOT_CONTENT)
        metadata = {
            "method": run.method,
            "data": run.data,
            "settings": settings,
            "history": done.history,
            "seconds": done.seconds,
            "threads": torch.get_num_threads(),
            "versions": versions(),
            "error": done.error,
        }
        metrics = {"epochs": float(max(len(done.history) - 1, 0)), **done.metrics}
        run_files.write_run(path, run_files.Run(metrics, done.users, metadata), settings)
        checkpoint.remove()
        found = self._read(path)
        if found is None:
            raise DataError(str(path), "a damaged file", "the run that was just written")
        return found


def _also(run: Run, split: Split) -> dict[str, Any]:
    """What the results of some runs depend on as well, and fingerprints do not have.

    How often a test pair is repeated counts in protocol ``published``, and pairs that are never
    shown count in any; a run that is trained for its time depends on the threads.
    """
    more: dict[str, Any] = {}
    tested, never = split.parts.get(run.part), split.train.never
    if tested is not None and tested.rows is not None and tested.merged:
        rows = np.ascontiguousarray(tested.rows, dtype="<i8").data
        more["rows"] = hashlib.sha256(rows).hexdigest()[:16]
    if never is not None:
        more["never"] = never.fingerprint
    if run.timed:
        more["threads"] = torch.get_num_threads()
    return more
