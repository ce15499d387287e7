"""The state of a run on disk: one file, replaced as a whole."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, uint8

from fullrank.data.files import replacing
from fullrank.data.json_text import json_of
from fullrank.data.plain_names import plain_name
from fullrank.errors import DataError, FitError

Record = dict[str, Any]
Tensors = dict[str, Tensor]


@dataclass
class Progress:
    """Where a run stands, apart from its tensors."""

    epoch: int = 0
    """Epochs that are complete."""
    step: int = 0
    """Steps of the next epoch that are complete."""
    loss_sum: float = 0.0
    """Sum of the losses of these steps."""
    seconds: float = 0.0
    """Time spent in training so far."""
    best_epoch: int | None = None
    best_metric: float | None = None
    checks_without_gain: int = 0
    history: list[Record] = field(default_factory=list)
    """One record for each complete epoch, as in the log."""

    @property
    def item_power(self) -> float | None:
        """The power of the items' lengths that the last validation check found, where sought."""
        return next(
            (row["item_power"] for row in reversed(self.history) if "item_power" in row), None
        )

    @property
    def best_item_power(self) -> float | None:
        """The same, of the best epoch."""
        if self.best_epoch is None or self.best_epoch > len(self.history):
            return None
        return self.history[self.best_epoch - 1].get("item_power")


class Checkpoint(Protocol):
    """Where a trainer keeps its state."""

    def save(self, tensors: Tensors, progress: Progress) -> None:
        """Keeps it in the place of the one before."""
        ...

    def load(self) -> tuple[Tensors, Progress]:
        """What was kept last."""
        ...


@dataclass
class SearchProgress:
    """Where a search over settings stands, apart from its tensors."""

    rung: int = 0
    """Rungs that are complete."""
    proposed: int = 0
    """Rungs at which further trials have been added."""
    trials: list[Record] = field(default_factory=list)
    """Of each trial the ``values`` that it tries, its ``progress``, and whether it is ``live``."""


State = TypeVar("State", Progress, SearchProgress)


class CheckpointFile:
    """Saves and loads tensors with their progress, bound to one run by its identity.

    Args:
        path: The file.
        identity: What makes a run this run (settings, data, versions); a checkpoint of another
            identity is refused, naming the first difference.
    """

    def __init__(self, path: Path, identity: dict[str, Any]) -> None:
        self.path = path
        self.identity = identity

    def exists(self) -> bool:
        """Whether there is something to resume."""
        return self.path.is_file()

    def save(self, tensors: Tensors, progress: Progress | SearchProgress) -> None:
        """Writes the file; a crash meanwhile leaves the one before."""
        metadata = {"identity": json.dumps(self.identity), "progress": json.dumps(vars(progress))}
        whole = {name: tensor.contiguous() for name, tensor in tensors.items()}
        metadata["sha256"] = _digest(whole, metadata)
        with replacing(self.path) as part, plain_name(part) as name:
            save_file(whole, name, metadata)

    def load(self) -> tuple[Tensors, Progress]:
        """Returns the saved tensors and progress of a trainer; see `load_state`."""
        return self.load_state(Progress)

    def load_state(self, kind: type[State]) -> tuple[Tensors, State]:
        """Returns the saved tensors and progress, after checking that they are of this run.

        Raises:
            DataError: the file is missing, not a checkpoint, or has other bits than were saved.
            FitError: it belongs to a run with other settings or other data.
        """
        if not self.exists():
            raise DataError(str(self.path), "no checkpoint", "one that an earlier run left")
        try:
            with plain_name(self.path) as name, safe_open(name, framework="pt") as file:
                metadata = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # a handle is no mapping
            if metadata.pop("sha256") != _digest(tensors, metadata):
                raise ValueError
            identity = json_of(metadata["identity"])
            self._check(identity)
            progress = kind(**json_of(metadata["progress"]))
        except (SafetensorError, KeyError, ValueError, TypeError, OSError):
            expected = "a checkpoint; delete it to restart training"
            raise DataError(str(self.path), "a damaged file", expected) from None
        return tensors, progress

    def _check(self, identity: dict[str, Any]) -> None:
        """Sees that a checkpoint is of this run, before its progress is read as this run's."""
        for name in sorted(identity.keys() | self.identity.keys()):
            old, new = identity.get(name), self.identity.get(name)
            if old != new:
                expected = f"{name} = {new}"
                if name == "kernels":
                    expected += f": {_way_to(str(old))} to go on, or a run begun anew"
                raise FitError(str(self.path), f"a run with {name} = {old}", expected)

    def remove(self) -> None:
        """Deletes the file, once the run it belongs to is complete."""
        self.path.unlink(missing_ok=True)


def _digest(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    """Of all that a checkpoint holds, whatever its order in the file."""
    digest = hashlib.sha256(json.dumps(sorted(metadata.items())).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(uint8).numpy().data)
    return digest.hexdigest()


def _way_to(kernels: str) -> str:
    """How to get the kernels that `fullrank.native.state` called so."""
    packaged = re.fullmatch(r"native \(packaged, (.+)\)", kernels)
    if packaged is not None:
        return f"set FULLRANK_NATIVE={packaged[1]}"
    if kernels.startswith("native (compiled"):
        return "set FULLRANK_NATIVE=compile"
    return "set FULLRANK_NATIVE=0" if kernels.startswith("torch") else "use the same kernels"
