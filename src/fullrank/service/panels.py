"""The packed item tables of models as files, so that processes share them by memory map.

The tables themselves are mapped by safetensors. What the kernels read is a packed copy of the item
table, which each process would make and hold for itself; here the first one writes it, and all map
it for reading.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
import torch

from fullrank import native
from fullrank.recommender import Recommender
from fullrank.serving.model_files import MANIFEST
from fullrank.serving.scorers import DotScorer
from fullrank.serving.stored_checks import manifest_of


class Panels:
    """A folder of packed tables.

    Args:
        folder: Where they lie; None where one process serves and packs for itself.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._used: dict[str, Path] = {}

    def share(self, name: str, model: Recommender, folder: Path) -> None:
        """Gives a model its packed table from the file that all processes map.

        The file of the model that had this name before is removed; who maps it keeps it.

        Args:
            name: By which requests ask for the model.
            model: What was loaded.
            folder: Where it lies; its manifest names the tables by their sha256.
        """
        scorer = model.scorer
        usable = isinstance(scorer, DotScorer) and scorer.on_cpu and native.available()
        if self._folder is None or not usable:
            return
        assert isinstance(scorer, DotScorer)  # noqa: S101
        sha = str(manifest_of(folder / MANIFEST)["files"]["tables"]["sha256"])
        path = self._folder / f"{sha}.panels"
        if not path.is_file():
            self._write(path, scorer)
        shape = scorer.item_table.shape
        panels = np.memmap(path, dtype=np.float32, mode="r")
        scorer.use_packed(native.PackedItems.of_panels(panels, (shape[0], shape[1])))
        before = self._used.pop(name, path)
        self._used[name] = path
        if before not in self._used.values():
            before.unlink(missing_ok=True)

    def _write(self, path: Path, scorer: DotScorer) -> None:
        table = scorer.item_table.numpy()
        packed = native.PackedItems(table, torch.get_num_threads())
        number, part = tempfile.mkstemp(dir=path.parent, suffix=".part")
        with os.fdopen(number, "wb") as file:
            packed.panels.tofile(file)
        Path(part).replace(path)
