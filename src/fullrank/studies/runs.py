"""The files of one run of a comparison: a document and a table of what each user got."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fullrank.data.files import replacing
from fullrank.data.stored_tables import read_table, write_table
from fullrank.errors import DataError


@dataclass(frozen=True)
class Run:
    """One method with one seed."""

    metrics: dict[str, float]
    """Means over the users."""
    users: dict[str, NDArray[np.float64]]
    """Values of each user, of the metrics that have them."""
    metadata: dict[str, Any]
    """Effective rank, seconds, parameters and the like."""


def write_run(path: Path, run: Run, settings: Mapping[str, Any]) -> None:
    """Writes ``path`` with the suffixes ``.safetensors`` and then ``.json``, which makes it a run.

    Raises:
        DataError: the disk is full, or the folder cannot be written.
    """
    table = path.with_suffix(".safetensors")
    with replacing(table) as part:
        write_table(part, pl.DataFrame(run.users))
        digest = _sha256(part)
    made = {"settings": settings, "metrics": run.metrics, "metadata": run.metadata}
    stored = json.loads(json.dumps(made | {"table_sha256": digest}))  # as it will be read
    stored["sha256"] = _digest(stored)
    with replacing(path.with_suffix(".json")) as part:
        part.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")


def read_run(path: Path) -> Run:
    """The run that `write_run` wrote. Those from before it kept checksums have none to compare.

    Raises:
        DataError: a file is missing, damaged or changed.
    """
    document, table = path.with_suffix(".json"), path.with_suffix(".safetensors")
    try:
        stored = json.loads(document.read_text(encoding="utf-8"))
        run = Run(_numbers(stored["metrics"]), {}, dict(stored["metadata"]))
        kept = stored.pop("sha256", None)
        if kept is not None and kept != _digest(stored):
            raise ValueError
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise DataError(str(document), "a damaged file", "what `compare` wrote") from None
    try:
        if stored.get("table_sha256", "") not in ("", _sha256(table)):
            raise ValueError
        frame = read_table(table)
        users = {name: frame[name].cast(pl.Float64).to_numpy() for name in frame.columns}
    except (DataError, pl.exceptions.PolarsError, OSError, ValueError):
        raise DataError(str(table), "a damaged file", "what `compare` wrote") from None
    return Run(run.metrics, users, run.metadata)


def _numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    if not metrics or not all(isinstance(value, int | float) for value in metrics.values()):
        raise ValueError
    return dict(metrics)


def _digest(stored: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(stored, sort_keys=True).encode()).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
