"""What an export may be set to; each bound is in its type."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field

from fullrank.exporting.geometry import Metric
from fullrank.settings import Settings

Target = Literal[
    "npz",
    "safetensors",
    "parquet",
    "faiss",
    "usearch",
    "hnswlib",
    "pgvector",
    "qdrant",
    "onnx",
]
TARGETS: tuple[Target, ...] = get_args(Target)
Name = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,40}$")]


WIDTHS = (100, 200, 400, 800)
"""Widths of a search that are tried; the last where none can be, as of pgvector, which takes it."""


class ExportSettings(Settings):
    """Settings of an export; those of a graph are for `faiss`, `usearch`, `hnswlib`, `pgvector`."""

    metric: Metric = "ip"
    """``ip``, the inner product, which every target has; ``cosine`` and ``l2`` take a dimension."""
    kind: Literal["hnsw", "ivf"] = "hnsw"
    """Of `faiss`: a graph, or lists around centres (4 √n of them)."""
    neighbours: Annotated[int, Field(ge=2, le=100)] = 64
    """M, edges of a row of the graph (`hnsw`)."""
    build_width: Annotated[int, Field(ge=4, le=1000)] = 400
    """Candidates held while the graph is built (`efConstruction`)."""
    search_width: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """Candidates held while it is searched (`efSearch`), or lists that are (`nprobe` of `ivf`). If
    absent, an index file is asked for the lists of some users, wider until the recall is enough."""
    table: Name = "fullrank"
    """Of `pgvector`: what the names of the tables begin with; of `qdrant`, that of collections."""
    k: Annotated[int, Field(ge=1, le=10_000)] = 20
    """Of `onnx`: the length of the lists."""

    @property
    def width(self) -> int:
        """The width of a search, also where nothing was measured."""
        return WIDTHS[-1] if self.search_width is None else self.search_width
