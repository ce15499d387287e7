"""An export read back, and compared with the model's own lists."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fullrank.data.files import expanded
from fullrank.errors import DataError, SettingError
from fullrank.exporting import arrays, indexes
from fullrank.exporting.database import Postgres
from fullrank.exporting.folder import manifest_of
from fullrank.exporting.geometry import nearest
from fullrank.exporting.onnx_graph import OnnxLists
from fullrank.exporting.qdrant import Qdrant
from fullrank.exporting.settings import ExportSettings
from fullrank.exporting.vectors import Floats
from fullrank.exporting.widths import Nearest
from fullrank.serving import top_k
from fullrank.serving.fitted_model import FittedModel
from fullrank.serving.scorers import Scorer

Search = Callable[[pl.Series, Floats, int], NDArray[np.int64]]
"""(b,) user ids, their (b, d) vectors and k to (b, k) rows of ``items.parquet``."""
READERS = {
    "npz": arrays.read_npz,
    "safetensors": arrays.read_safetensors,
    "parquet": arrays.read_parquet,
}


@dataclass(frozen=True)
class Verified:
    """How an export answers for some users."""

    k: int
    users: int
    recall: float
    """Mean share of the k best items of a user, by the model, that are among the k found."""
    same: float
    """Share of users whose lists are the model's, in its order."""
    queries_per_second: float
    """One user a query, one thread."""


def verify(
    model: FittedModel,
    folder: str | Path,
    *,
    users: int = 1000,
    k: int = 20,
    seed: int = 0,
    database: str | None = None,
    scorer: Scorer | None = None,
) -> Verified:
    """Asks what an export holds for lists of random users, nothing left out of them.

    Args:
        model: The model that was exported.
        folder: The export.
        users: How many users to ask for, all if there are fewer.
        k: Length of the lists.
        seed: Of the choice of users.
        database: Where the export was loaded, for ``pgvector`` and ``qdrant``.
        scorer: What gives the lists to compare with; the model's if absent.

    Raises:
        DataError: the export cannot be read, or is of another model.
        SettingError: the target is a database and ``database`` is absent.
    """
    folder = expanded(folder)
    said = manifest_of(folder)
    settings = ExportSettings(**said["settings"])
    ids, vectors = arrays.read_users(folder)
    items = arrays.read_items(folder)
    drawn = np.random.default_rng(seed).permutation(len(ids))[:users]
    chosen = np.sort(drawn)
    k = min(k, len(items))
    wanted = _own_lists(model, scorer or model.scorer, ids[chosen], items["item_id"], k)
    with _opened(said["target"], folder, settings, database, items) as search:
        asked = [(ids[int(at)], vectors[at]) for at in chosen]
        search(ids[chosen[:1]], vectors[chosen[:1]], k)  # what is made at the first query
        found = []
        started = time.perf_counter()
        for user, vector in asked:
            one = pl.Series("user_id", [user], dtype=ids.dtype)
            found.append(search(one, vector[None], k)[0])
        seconds = time.perf_counter() - started
    pairs = list(zip(found, wanted, strict=True))
    recall = float(np.mean([len(np.intersect1d(a, b)) / k for a, b in pairs]))
    same = float(np.mean([np.array_equal(a, b) for a, b in pairs]))
    return Verified(k, len(chosen), recall, same, len(chosen) / seconds)


def _own_lists(
    model: FittedModel, scorer: Scorer, users: pl.Series, items: pl.Series, k: int
) -> NDArray[np.int64]:
    """(b, k) the model's lists as rows of an export."""
    rows, at = model.users.rows(users), model.items.rows(items)
    if (rows < 0).any() or (at < 0).any():
        raise DataError("the export", "ids that the model does not have", "that of this model")
    place = np.full(len(model.items), -1, dtype=np.int64)
    place[at] = np.arange(len(at))
    ranking = top_k(scorer, rows, k, candidates=place >= 0)
    return place[ranking.items]


@contextmanager
def _opened(
    target: str,
    folder: Path,
    settings: ExportSettings,
    database: str | None,
    items: pl.DataFrame,
) -> Iterator[Search]:
    if target in ("pgvector", "qdrant") and database is None:
        raise SettingError(f"--verify of {target}", "no --database", "where the rows were loaded")
    if target == "onnx":
        lists = OnnxLists(folder)
        yield lambda users, _, k: lists.rows(users, k)
    elif target == "pgvector":
        with Postgres(str(database)).searching(items, settings) as near:
            yield lambda _, rows, k: near(rows, k)
    elif target == "qdrant":
        place = Qdrant(str(database))
        with place.client() as client:
            yield lambda _, rows, k: place.nearest(client, settings, rows, k)
    else:
        by_rows = _of_file(target, folder, settings)
        yield lambda _, rows, k: by_rows(rows, k)


def _of_file(target: str, folder: Path, settings: ExportSettings) -> Nearest:
    if target in READERS:
        items = READERS[target](folder).astype(np.float64)
        return lambda users, k: nearest(users, items, k, settings.metric)
    if target == "faiss":
        return indexes.open_faiss(folder, settings)
    if target == "usearch":
        return indexes.open_usearch(folder, settings)
    width = arrays.read_users(folder)[1].shape[1]
    return indexes.open_hnswlib(folder, settings, width)
