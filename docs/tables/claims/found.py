"""What the lab has found: the JSON files of results/lab, and older files in the same shape."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from tables.claims.claim import GENERATED, Document, Found
from tables.markdown import RESULTS

LAB = RESULTS / "lab"
ROWS = {
    "bpr": "BPR",
    "cl-rec": "CL-Rec",
    "ccl": "CCL(MF)",
    "enmf": "ENMF",
    "directau": "DirectAU(MF)",
    "directau@lightgcn": "DirectAU(GCN)",
    "lightgcn": "LightGCN",
    "dropedge": "DropEdge",
    "sgl-ed": "SGL-ED",
    "lightgcl": "LightGCL",
    "gde": "GDE",
    "logdet": "LogDet",
    "directspec": "DirectSpec(MF)",
    "directspec@lightgcn": "DirectSpec(GCN)",
    "directspec+": "DirectSpec+(MF)",
    "directspec+@lightgcn": "DirectSpec+(GCN)",
    "directspec+, published": "DirectSpec+(MF), published τ constant",
    "ease": "EASE",
    "ials": "iALS",
    "spectral": "Spectral",
    "allpass": "AllPass",
    "rp3beta": "RP3beta",
    "slim": "SLIM",
    "turbo-cf": "Turbo-CF",
    "bspm": "BSPM",
    "chebycf": "ChebyCF",
    "sgfcf": "SGFCF",
    "itemknn": "ItemKNN",
    "popularity": "Popularity",
}
"""Rows of results/table4.json by what the lab calls them."""


def _documents(folder: Path) -> list[Path]:
    """Its JSON files but for those of `runs`: what was trained, and may come and go, not found."""
    paths = []
    for parent, folders, files in os.walk(folder):
        folders[:] = [each for each in folders if each != "runs"]
        paths += [Path(parent, each) for each in files if each.endswith(".json")]
    return sorted(paths)


def found(experiment: str, folder: Path = LAB) -> Found:
    """What an experiment found, by data set: whole runs before quick ones, the lab before others.

    An experiment across data sets counts for each of them where its numbers are by data set.
    """
    documents: dict[str, Document] = {}
    for path in _documents(folder):
        document = json.loads(path.read_text("utf-8"))
        if not isinstance(document, dict) or document.get("id") != experiment:
            continue
        for data, part in _parts(document, path).items():
            if data not in documents or _tells(documents[data]) < _tells(part):
                documents[data] = part
    for data, older in (_before(experiment) if folder == LAB else {}).items():
        if data not in documents or _rows(documents[data]) < _rows(older):
            documents[data] = older
    return documents


def _tells(document: Document) -> tuple[bool, int]:
    return not document["quick"], _rows(document)


def _rows(document: Document) -> int:
    """How much a document tells: some methods alone do not take a whole table's place."""
    return len(document["numbers"].keys() - {"tests"})


def _parts(document: dict[str, Any], path: Path) -> dict[str, Document]:
    """The document, or one for each data set."""
    names, numbers = document["data_names"], document["numbers"]
    whole = {"numbers": numbers, "panels": document["panels"], "path": path,
             "quick": document["quick"]}  # fmt: skip
    if names and all(name in numbers for name in names):
        return {name: {**whole, "numbers": numbers[name]} for name in names}
    return {", ".join(names) or GENERATED: whole}


def _before(experiment: str) -> dict[str, Document]:
    """Results of before the lab, which stand until it has its own."""
    if experiment == "table-4":
        path = RESULTS / "table4.json"
        rows = json.loads(path.read_text("utf-8"))
        numbers = {ROWS[name]: row for name, row in rows.items() if name in ROWS}
        return {"citeulike": {"numbers": numbers, "panels": [], "path": path, "quick": False}}
    if experiment == "table-1":
        path = RESULTS / "table1.json"
        made = json.loads(path.read_text("utf-8"))
        names = {"T": "T", "alpha": "α", "L": "L"}
        numbers = {
            names[name]: {f"{value:g}": rank for value, rank in
                          zip(row["values"], row["effective_rank"], strict=True)}
            for name, row in made.items() if name in names
        }  # fmt: skip
        return {GENERATED: {"numbers": numbers, "panels": [], "path": path, "quick": False}}
    return {}
