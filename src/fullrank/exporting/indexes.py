"""Files of approximate nearest neighbours: faiss, usearch, hnswlib."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullrank.data.plain_names import plain_name
from fullrank.exporting.geometry import Metric
from fullrank.exporting.settings import ExportSettings
from fullrank.exporting.vectors import Floats, Vectors
from fullrank.exporting.widths import Nearest, with_width
from fullrank.extras import library

Written = tuple[ExportSettings, tuple[str, ...]]
"""The settings with the width of a search, and what is to be said."""
FAISS, USEARCH, HNSWLIB = "items.faiss", "items.usearch", "items.hnswlib"
_USEARCH = {"ip": "ip", "cosine": "cos", "l2": "l2sq"}
_HNSWLIB = {"ip": "ip", "cosine": "cosine", "l2": "l2"}
SEED = 1
"""Of the levels of a graph."""


def _unit(rows: Floats, metric: Metric) -> Floats:
    """Rows for faiss, which has no cosine: unit rows and their inner product."""
    if metric != "cosine":
        return rows
    length: Floats = np.sqrt(np.square(rows).sum(axis=1, keepdims=True))
    length[length == 0] = 1
    return rows / length


def write_faiss(vectors: Vectors, folder: Path, settings: ExportSettings) -> Written:
    """A graph, or lists around centres, of ``faiss.read_index``."""
    faiss = library("faiss", "export")
    rows = _unit(vectors.vectors, vectors.metric)
    n, d = rows.shape
    if settings.kind == "hnsw":
        metric = faiss.METRIC_L2 if vectors.metric == "l2" else faiss.METRIC_INNER_PRODUCT
        index = faiss.IndexHNSWFlat(d, settings.neighbours, metric)
        index.hnsw.efConstruction = settings.build_width
    else:
        lists = min(n, math.ceil(4 * math.sqrt(n)))
        index = inverted(rows, vectors.metric, lists)
        index.train(rows)
    index.add(rows)
    chosen = with_width(vectors, settings, lambda width: _of_faiss(index, settings, width))
    _of_faiss(index, settings, chosen[0].width)
    with plain_name(folder / FAISS) as path:
        faiss.write_index(index, str(path))
    return chosen


def inverted(rows: Floats, metric: Metric, lists: int) -> Any:
    """An ``IndexIVFFlat`` for rows of a metric, to be trained."""
    faiss, d = library("faiss", "export"), rows.shape[1]
    flat = faiss.IndexFlatL2(d) if metric == "l2" else faiss.IndexFlatIP(d)
    kind = faiss.METRIC_L2 if metric == "l2" else faiss.METRIC_INNER_PRODUCT
    index = faiss.IndexIVFFlat(flat, d, lists, kind)
    index.own_fields = True
    flat.this.disown()
    index.cp.min_points_per_centroid = 1  # or it warns on standard output
    return index


def _of_faiss(index: Any, settings: ExportSettings, width: int) -> Nearest:
    if settings.kind == "hnsw":
        index.hnsw.efSearch = width
    else:
        index.nprobe = min(width, index.nlist)

    def nearest(users: Floats, k: int) -> NDArray[np.int64]:
        found: NDArray[np.int64] = index.search(_unit(users, settings.metric), k)[1]
        return found

    return nearest


def open_faiss(folder: Path, settings: ExportSettings) -> Nearest:
    """Searches a file of `write_faiss`."""
    faiss = library("faiss", "export")
    with plain_name(folder / FAISS) as path:
        index = faiss.read_index(str(path))
    return _of_faiss(index, settings, settings.width)


def write_usearch(vectors: Vectors, folder: Path, settings: ExportSettings) -> Written:
    """A graph of ``usearch.index.Index.restore``, keys the rows of ``items.parquet``."""
    index = library("usearch.index", "export").Index(
        ndim=vectors.vectors.shape[1],
        metric=_USEARCH[settings.metric],
        dtype="f32",
        connectivity=settings.neighbours,
        expansion_add=settings.build_width,
    )
    index.add(np.arange(len(vectors.vectors)), vectors.vectors)
    chosen = with_width(vectors, settings, lambda width: _of_usearch(index, width))
    with plain_name(folder / USEARCH) as path:
        index.save(str(path))
    return chosen


def _of_usearch(index: Any, width: int) -> Nearest:
    index.expansion_search = width

    def nearest(users: Floats, k: int) -> NDArray[np.int64]:
        keys = np.asarray(index.search(users, k).keys)
        return keys.reshape(len(users), -1).astype(np.int64)

    return nearest


def open_usearch(folder: Path, settings: ExportSettings) -> Nearest:
    """Searches a file of `write_usearch`; how wide is not in it."""
    with plain_name(folder / USEARCH) as path:
        index = library("usearch.index", "export").Index.restore(str(path), view=False)
    return _of_usearch(index, settings.width)


def write_hnswlib(vectors: Vectors, folder: Path, settings: ExportSettings) -> Written:
    """A graph of ``hnswlib.Index.load_index``, labels the rows of ``items.parquet``."""
    n, d = vectors.vectors.shape
    index = library("hnswlib", "export").Index(space=_HNSWLIB[settings.metric], dim=d)
    index.init_index(
        max_elements=n,
        ef_construction=settings.build_width,
        M=settings.neighbours,
        random_seed=SEED,
    )
    index.add_items(vectors.vectors, np.arange(n))
    chosen = with_width(vectors, settings, lambda width: _of_hnswlib(index, width))
    with plain_name(folder / HNSWLIB) as path:
        index.save_index(str(path))
    return chosen


def _of_hnswlib(index: Any, width: int) -> Nearest:
    def nearest(users: Floats, k: int) -> NDArray[np.int64]:
        index.set_ef(max(width, k))
        found: NDArray[np.int64] = index.knn_query(users, k, num_threads=1)[0].astype(np.int64)
        return found

    return nearest


def open_hnswlib(folder: Path, settings: ExportSettings, d: int) -> Nearest:
    """Searches a file of `write_hnswlib`; how wide is not in it."""
    index = library("hnswlib", "export").Index(space=_HNSWLIB[settings.metric], dim=d)
    with plain_name(folder / HNSWLIB) as path:
        index.load_index(str(path))
    return _of_hnswlib(index, settings.width)
