"""One worker: loads the model once, makes files of lists, and says what came of each."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fullrank import errors, native
from fullrank.data.memory import exhausted
from fullrank.errors import DataError, FullrankError
from fullrank.recommender import Recommender
from fullrank.scale import scoring_folder
from fullrank.scale.scoring import fingerprint
from fullrank.scale.scoring_folder import Job, lengths_of
from fullrank.serving.scorers import DotScorer

Row = Mapping[str, Any]
"""Of what a worker returns: ``number``, ``file``, ``replaced``; ``lengths``, ``error`` as JSON."""


@dataclass(frozen=True)
class Task:
    """What a worker has to know; references are to the object store."""

    job: Job
    folder: Path
    """Where the model lies."""
    fingerprint: str
    """Of the model."""
    threads: int
    panels: Any
    """Reference to the width and the numbers of the packed item table, if there is one."""
    files: Mapping[str, Any]
    """References to the files of the model by name, for machines that do not see them."""


class Worker:
    """Makes the lists of the users of one file at a time.

    What is wrong with the input comes back in the row, as one line; Ray would log a traceback of
    an exception, and begin the worker again.
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        self._model: Recommender | None = None
        self._replaced = _is_replacement()

    def __call__(self, batch: Row) -> dict[str, Any]:
        """Makes the file of the one number in the batch."""
        number = int(batch["number"][0])
        lengths, file, error = Counter[int](), b"", ""
        try:
            lengths, file = self._made(number)
        except FullrankError as failed:
            error = _as_json(failed)
        except (MemoryError, RuntimeError) as failed:
            known = exhausted(failed)
            if known is None:
                raise
            error = _as_json(known)
        row = {"number": number, "lengths": json.dumps(lengths), "error": error, "file": file}
        row["replaced"], self._replaced = self._replaced, False
        return {name: np.array([value], dtype=object) for name, value in row.items()}

    def _made(self, number: int) -> tuple[Counter[int], bytes]:
        job = self.task.job
        if self._model is None:
            torch.set_num_threads(self.task.threads)
            self._model = _loaded(self.task)
        users = job.some(self._model.users.values, number)
        frame = job.make(self._model, users)
        lengths = lengths_of(frame, len(users))
        if not scoring_folder.is_there(job):
            return lengths, scoring_folder.as_bytes(frame)
        scoring_folder.write(job, number, frame)
        return lengths, b""


def result_of(job: Job, row: Row) -> tuple[int, Counter[int]]:
    """The number of a finished file and its lists of each length; writes it if its bytes came.

    Raises:
        FullrankError: what the worker found wrong.
    """
    if row["error"]:
        kind, *parts = json.loads(row["error"])
        raise getattr(errors, kind)(*parts)
    number = int(row["number"])
    if row["file"]:
        scoring_folder.write(job, number, bytes(row["file"]))
    return number, Counter({int(n): count for n, count in json.loads(row["lengths"]).items()})


def _is_replacement() -> bool:
    """Whether this process is in the place of a worker that died."""
    import ray

    if not ray.is_initialized() or ray.get_runtime_context().get_actor_id() is None:
        return False
    return bool(ray.get_runtime_context().was_current_actor_reconstructed)


def _as_json(error: FullrankError) -> str:
    return json.dumps([type(error).__name__, error.where, error.found, error.expected])


def _loaded(task: Task) -> Recommender:
    """The model, mapped from its folder, or from a copy of it that goes when it is mapped.

    Raises:
        DataError: it cannot be read, or another one is there.
    """
    if task.files and not _is_there(task):
        with tempfile.TemporaryDirectory(prefix="fullrank-") as name:
            for file, numbers in task.files.items():
                _got(numbers).tofile(Path(name) / file)
            model = Recommender.load(name)
    else:
        model = Recommender.load(task.folder)
        if fingerprint(task.folder) != task.fingerprint:
            expected = "the one that the lists were begun with"
            raise DataError(str(task.folder), "another model", expected)
    if task.panels is not None:
        _use_panels(model, *_got(task.panels))
    return model


def _is_there(task: Task) -> bool:
    try:
        return fingerprint(task.folder) == task.fingerprint
    except DataError:
        return False


def _use_panels(model: Recommender, width: int, panels: Any) -> None:
    """Takes the packed item table, unless the kernels of this machine pack in another way."""
    scorer = model.scorer
    if not (isinstance(scorer, DotScorer) and scorer.on_cpu and native.available()):
        return
    n_items, dim = scorer.item_table.shape
    try:
        packed = native.PackedItems.of_panels(panels, (n_items, dim))
    except ValueError:
        return
    if packed.width == width:
        scorer.use_packed(packed)


def _got(reference: Any) -> Any:
    """What a reference is to; it stays in the object store, where it can only be read."""
    import ray

    return ray.get(reference) if isinstance(reference, ray.ObjectRef) else reference
