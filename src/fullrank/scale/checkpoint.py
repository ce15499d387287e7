"""The state of a run of many workers: a file of each one's rows, and a manifest replaced last."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fullrank.data.files import as_data_errors, replacing
from fullrank.errors import DataError
from fullrank.scale.group import Group
from fullrank.training.checkpoint import (
    CheckpointFile,
    Progress,
    SearchProgress,
    State,
    Tensors,
)

MANIFEST = "manifest.json"

Edges = Mapping[str, NDArray[np.int64]]
"""Of each table (W + 1,) where the rows of each worker begin and end."""


class ShardedCheckpoint:
    """Saves and loads what workers have; another number of workers may go on from it.

    Every worker writes a file of its own under a new name, then all wait for each other, and then
    the first one points the manifest at them. A reader sees the old state or the new one.

    Args:
        folder: On a disk that all workers have, as for a local cluster, or that is mounted alike.
        group: The workers.
        identity: As for `CheckpointFile`; the number of workers is no part of it.
        edges: By table name; a tensor whose name has none is the same for all workers.
    """

    def __init__(
        self, folder: str | Path, group: Group, identity: Mapping[str, Any], edges: Edges
    ) -> None:
        self.folder, self.group = Path(folder), group
        self.identity, self.edges = dict(identity), edges

    def save(self, tensors: Tensors, progress: Progress | SearchProgress) -> None:
        """Keeps the state in the place of the one before."""
        stamp = _stamp(progress)
        self._file(stamp, self.group.rank, self.group.size).save(tensors, progress)
        self.group.barrier()
        if self.group.rank == 0:
            edges = {name: ends.tolist() for name, ends in self.edges.items()}
            manifest = {"workers": self.group.size, "stamp": stamp, "edges": edges}
            with replacing(self.folder / MANIFEST) as part:
                part.write_text(json.dumps(manifest), encoding="utf-8")
            kept = {self._name(stamp, rank, self.group.size) for rank in range(self.group.size)}
            for old in self.folder.glob("*.safetensors"):
                if old.name not in kept:
                    old.unlink(missing_ok=True)
        self.group.barrier()

    def load(self) -> tuple[Tensors, Progress]:
        """What a trainer goes on from; see `load_state`."""
        return self.load_state(Progress)

    def load_state(self, kind: type[State]) -> tuple[Tensors, State]:
        """This worker's rows of what was kept last, whatever workers kept it.

        Raises:
            DataError: there is none, or a file is missing or damaged.
            FitError: it belongs to a run with other settings or other data.
        """
        manifest = read_manifest(self.folder)
        if manifest is None:
            raise DataError(str(self.folder), "no checkpoint", "one that an earlier run left")
        size, stamp, old = manifest["workers"], manifest["stamp"], manifest["edges"]
        pieces: dict[str, list[Tensor]] = {}
        progress = kind()
        for rank in range(size):
            if not (rank == 0 or self._overlaps(old, rank)):
                continue
            tensors, progress = self._file(stamp, rank, size).load_state(kind)
            for name, tensor in tensors.items():
                own = self._own(name, tensor, old, rank)
                if own is not None:
                    pieces.setdefault(name, []).append(own)
        return {name: _joined(name, parts) for name, parts in pieces.items()}, progress

    def _own(self, name: str, tensor: Tensor, old: Mapping[str, Any], rank: int) -> Tensor | None:
        """The rows of this worker among those of a file; None if they are of others alone."""
        table = _table_of(name, self.edges)
        if table is None:
            return tensor if rank == 0 else None
        began = old[table][rank]
        first, last = self.edges[table][self.group.rank : self.group.rank + 2].tolist()
        return tensor[max(first - began, 0) : max(last - began, 0)]

    def _overlaps(self, old: Mapping[str, Any], rank: int) -> bool:
        for table, ends in self.edges.items():
            first, last = ends[self.group.rank : self.group.rank + 2]
            if old[table][rank] < last and first < old[table][rank + 1]:
                return True
        return False

    def _file(self, stamp: str, rank: int, size: int) -> CheckpointFile:
        return CheckpointFile(self.folder / self._name(stamp, rank, size), self.identity)

    @staticmethod
    def _name(stamp: str, rank: int, size: int) -> str:
        return f"state-{stamp}-{rank:05d}-of-{size:05d}.safetensors"


def read_manifest(folder: str | Path) -> dict[str, Any] | None:
    """The manifest of a folder of checkpoints; None if there is none.

    Raises:
        DataError: it is damaged.
    """
    path = Path(folder) / MANIFEST
    with as_data_errors(path):
        if not path.is_file():
            return None
        text = path.read_text("utf-8")
    try:
        found = json.loads(text)
        ends = found["edges"]["user_table"], found["edges"]["item_table"]
        if any(len(each) != found["workers"] + 1 for each in ends) or not found["stamp"]:
            raise ValueError
    except (ValueError, KeyError, TypeError):
        raise DataError(str(path), "a damaged file", "a checkpoint; delete it") from None
    manifest: dict[str, Any] = found
    return manifest


def _stamp(progress: Progress | SearchProgress) -> str:
    """A name for the state, another one for each that a run has."""
    if isinstance(progress, SearchProgress):
        reached = [trial["progress"] for trial in progress.trials]
        steps = sum(each["step"] for each in reached)
        epochs = sum(each["epoch"] for each in reached)
        return f"{progress.rung:03d}-{progress.proposed:03d}-{epochs:06d}-{steps:09d}"
    return f"{progress.epoch:06d}-{progress.step:09d}"


def _table_of(name: str, edges: Edges) -> str | None:
    """Which table a tensor has a row for each row of, by its name in `Trainer.state`."""
    if name.endswith(".clock"):  # a step count that all rows of a table have
        return None
    return next((table for table in edges if table in name), None)


def _joined(name: str, parts: list[Tensor]) -> Tensor:
    return parts[0] if name.endswith(".clock") else torch.cat(parts)
