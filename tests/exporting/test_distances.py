"""The distances that an index gives are those of the metric that it was asked for."""

from __future__ import annotations

import math

import faiss
import hnswlib
import numpy as np
import pytest
from usearch.index import Index

from fullrank.exporting import ExportSettings, export
from fullrank.exporting.vectors import vectors_of


def product(a, b) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def cosine(a, b) -> float:
    return product(a, b) / math.sqrt(product(a, a) * product(b, b))


def by_faiss(path, metric, user):
    if metric == "cosine":
        user = user / np.linalg.norm(user)
    scores, rows = faiss.read_index(str(path / "items.faiss")).search(user[None], 3)
    return rows[0], scores[0]


def by_usearch(path, metric, user):
    found = Index.restore(str(path / "items.usearch")).search(user, 3)
    return found.keys.astype(int), found.distances


def by_hnswlib(path, metric, user):
    index = hnswlib.Index(space=metric, dim=len(user))
    index.load_index(str(path / "items.hnswlib"))
    rows, distances = index.knn_query(user, 3)
    return rows[0].astype(int), distances[0]


OURS = {"ip": product, "cosine": cosine, "l2": lambda a, b: math.dist(a, b) ** 2}


@pytest.mark.parametrize("metric", list(OURS))
@pytest.mark.parametrize("ask", [by_faiss, by_usearch, by_hnswlib])
def test_distances(texts, ask, metric, tmp_path):
    target = ask.__name__.removeprefix("by_")
    export(texts, target, tmp_path / "o", settings=ExportSettings(metric=metric))
    vectors = vectors_of(texts).under(metric)
    user = vectors.users[4]
    rows, found = ask(tmp_path / "o", metric, user)
    wanted = [OURS[metric](user.tolist(), vectors.vectors[row].tolist()) for row in rows]
    if target != "faiss" and metric != "l2":
        wanted = [1 - each for each in wanted]
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6)
