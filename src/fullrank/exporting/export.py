"""From a model to an export, written whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from fullrank.data.files import expanded
from fullrank.errors import SettingError
from fullrank.exporting import arrays, indexes
from fullrank.exporting.database import Postgres
from fullrank.exporting.folder import MANIFEST, replacing_folder
from fullrank.exporting.onnx_graph import write_onnx
from fullrank.exporting.pgvector import write_sql
from fullrank.exporting.qdrant import Qdrant
from fullrank.exporting.settings import TARGETS, ExportSettings, Target
from fullrank.exporting.vectors import Vectors, vectors_of
from fullrank.extras import library
from fullrank.serving.fitted_model import FittedModel
from fullrank.settings import nearest

Write = Callable[[Vectors, Path, ExportSettings], indexes.Written]


def _plain(write: Callable[[Vectors, Path, ExportSettings], None]) -> Write:
    """Of a writer that chooses no width."""

    def written(vectors: Vectors, folder: Path, settings: ExportSettings) -> indexes.Written:
        write(vectors, folder, settings)
        return settings, ()

    return written


WRITERS: dict[Target, Write] = {
    "npz": _plain(lambda vectors, folder, _: arrays.write_npz(vectors, folder)),
    "safetensors": _plain(lambda vectors, folder, _: arrays.write_safetensors(vectors, folder)),
    "parquet": _plain(lambda *_: None),  # the tables that every export has
    "faiss": indexes.write_faiss,
    "usearch": indexes.write_usearch,
    "hnswlib": indexes.write_hnswlib,
    "pgvector": _plain(write_sql),
    "onnx": _plain(write_onnx),
    "qdrant": _plain(lambda *_: None),
}
"""What each writes beside ``users.parquet`` and ``items.parquet``."""
NEEDS: dict[str, str] = {
    "faiss": "faiss",
    "usearch": "usearch.index",
    "hnswlib": "hnswlib",
    "onnx": "onnx",
    "qdrant": "qdrant_client",
}
"""The library that a target needs; asked for before long work."""
LOADED = ("pgvector", "qdrant")
"""Targets that can be loaded into a database."""


@dataclass(frozen=True)
class Exported:
    """What was written, as ``export.json`` says it."""

    target: Target
    method: str
    metric: str
    users: int
    items: int
    dimensions: int
    settings: dict[str, object]
    database: str | None
    """Where it was loaded too, without secrets."""
    notes: tuple[str, ...]
    """What is not in the vectors."""


def export(
    model: FittedModel,
    target: str,
    folder: str | Path,
    *,
    settings: ExportSettings | None = None,
    database: str | None = None,
    part: int | None = None,
    partial: bool = False,
) -> Exported:
    """Writes a model's embeddings for another program.

    The folder has ``users.parquet`` (ids, vectors), ``items.parquet`` (ids and what is known of
    them; row r is what an index calls r), ``export.json`` and what the target is.

    Args:
        model: A fitted model whose score is an inner product of embeddings.
        target: One of `TARGETS`.
        folder: A new folder, or an export, which is replaced as a whole.
        settings: Of the target; good ones if absent.
        database: A URL of PostgreSQL for ``pgvector``, of qdrant for ``qdrant``, to load into.
        part: Which part of a blend, from 1.
        partial: Export embeddings that are not the whole score.

    Raises:
        FitError: the model's score is no such product.
        DataError: the folder cannot be written, or the database does not answer.
        SettingError: there is no such target, or a package is missing.
    """
    if target not in TARGETS:
        raise SettingError("--to", repr(target), nearest(target, TARGETS))
    settings = settings or ExportSettings()
    place = _place(target, database)
    if target in NEEDS:
        library(NEEDS[target], "export")
    vectors = vectors_of(model, part=part, partial=partial, fold_in=target == "onnx")
    vectors = vectors.under(settings.metric)
    with replacing_folder(expanded(folder)) as part_folder:
        arrays.write_tables(vectors, part_folder, item_vectors=target == "parquet")
        settings, more = WRITERS[target](vectors, part_folder, settings)
        said = Exported(
            target,
            vectors.method,
            settings.metric,
            len(vectors.users),
            len(vectors.vectors),
            vectors.vectors.shape[1],
            settings.model_dump(),
            None if place is None else place.shown,
            (*vectors.notes, *more),
        )
        text = json.dumps(asdict(said), indent=2, ensure_ascii=False) + "\n"
        (part_folder / MANIFEST).write_text(text, encoding="utf-8")
        if place is not None:
            place.load(vectors, settings)
    return said


def _place(target: str, database: str | None) -> Postgres | Qdrant | None:
    if database is not None and target not in LOADED:
        raise SettingError("--database", f"the target {target}", f"one of {', '.join(LOADED)}")
    if target == "qdrant":
        if database is None:
            raise SettingError("--to qdrant", "no --database", "http(s)://host:port or path:DIR")
        return Qdrant(database)
    return None if database is None else Postgres(database)
