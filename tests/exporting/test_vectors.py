"""Which models have vectors to export, what is said of them, and what a metric makes of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from fullrank import Recommender
from fullrank.errors import FitError
from fullrank.exporting.geometry import extended, nearest
from fullrank.exporting.vectors import vectors_of
from fullrank.serving.blend_scorer import BlendPart, BlendScorer


def lists_of(model, k: int) -> list[list[object]]:
    frame = model.recommend(k=k, exclude_seen=False)
    return frame["item_id"].to_numpy().reshape(-1, k).tolist()


NEAR = {
    "ip": lambda a, b: sum(x * y for x, y in zip(a, b, strict=True)),
    "cosine": lambda a, b: NEAR["ip"](a, b) / math.sqrt(NEAR["ip"](a, a) * NEAR["ip"](b, b)),
    "l2": lambda a, b: -math.dist(a, b),
}
"""Larger is nearer, in plain Python."""


@pytest.mark.parametrize("metric", list(NEAR))
def test_the_nearest_by_each_metric_are_the_lists(model, metric):
    vectors = vectors_of(model).under(metric)
    wanted = lists_of(model, 5)
    ids, users, items = vectors.item_ids.to_list(), vectors.users, vectors.vectors
    assert vectors.user_ids.to_list() == model.users.values.to_list()
    for at in range(0, len(users), 9):
        scores = [NEAR[metric](users[at].tolist(), each) for each in items.tolist()]
        best = sorted(range(len(ids)), key=lambda i: -scores[i])[:5]
        assert [ids[i] for i in best] == wanted[at]
    rows = nearest(users, items, 5, metric)
    assert [[ids[i] for i in row] for row in rows] == wanted


def test_without_the_dimension_the_nearest_are_others(texts):
    """The test above can fail: lengths of items matter."""
    vectors = vectors_of(texts)
    right = nearest(vectors.users, vectors.vectors, 5, "ip")
    for metric in ("cosine", "l2"):
        found = nearest(vectors.users, vectors.vectors, 5, metric)
        assert not np.array_equal(found, right)
        for at in range(0, len(vectors.users), 9):
            user = vectors.users[at].tolist()
            scores = [NEAR[metric](user, each) for each in vectors.vectors.tolist()]
            assert sorted(range(120), key=lambda i: -scores[i])[:5] == found[at].tolist()


def test_all_items_have_one_length():
    rng = np.random.default_rng(3)
    users, items = rng.normal(size=(2, 30, 4)).astype(np.float32)
    items[0] = 0
    more_users, more = extended(users, items, "l2")
    largest = max(math.dist(row, [0] * 4) for row in items.tolist())
    np.testing.assert_allclose(np.linalg.norm(more, axis=1), largest, rtol=1e-6)
    np.testing.assert_array_equal(more[:, :4], items)
    np.testing.assert_array_equal(more_users[:, 4], 0)


def test_users_and_items_without_training_stay_out(small, tiny):
    model = Recommender("bpr", epochs=1, dim=4).fit(tiny)
    vectors = vectors_of(model)
    assert len(vectors.users) == (tiny.user_degree > 0).sum() < 200
    assert len(vectors.vectors) == len(set(tiny.item_idx.tolist())) < 120
    assert vectors.item_ids.to_list() == [
        each for row, each in enumerate(tiny.items.values) if row in set(tiny.item_idx.tolist())
    ]
    assert any("users without training" in note for note in vectors.notes)
    assert any("items without training" in note for note in vectors.notes)


@pytest.mark.parametrize("method", ["ease", "itemknn", "spectral"])
def test_models_without_embeddings_are_refused(small, method):
    settings = {"rank": 8} if method == "spectral" else {}
    model = Recommender(method, **settings).fit(small)
    with pytest.raises(FitError, match=rf"{method}: found .* recommend DIR --all -o lists"):
        vectors_of(model)


def test_a_hop_is_not_in_the_vectors(small):
    model = Recommender("allpass", rank=8, hop=0.3).fit(small)
    with pytest.raises(FitError, match=r"allpass: found an exact hop .* --partial .* hop=0"):
        vectors_of(model)
    notes = vectors_of(model, partial=True).notes
    assert "without the exact hop" in notes[0]


@pytest.mark.parametrize("power", [0.0, 0.5])
def test_without_a_hop_allpass_is_a_product(small, power):
    model = Recommender("allpass", rank=8, hop=0.0, popularity=power).fit(small)
    vectors = vectors_of(model)
    scores = vectors.users @ vectors.vectors.T
    rows = torch.from_numpy(model.users.rows(vectors.user_ids))
    own = model.scorer.scores(rows).numpy()
    np.testing.assert_allclose(scores, own, rtol=1e-4, atol=1e-6)


def test_a_part_of_a_blend(texts):
    data = texts.train
    knn = Recommender("itemknn").fit(data)
    parts = [BlendPart(each.scorer, each._fold_in) for each in (knn, texts)]
    blend = Recommender("itemknn").fit(data)
    blend._use(BlendScorer(blend.train, parts, [0.7, 0.3]), blend._parts, blend._fold_in)
    with pytest.raises(FitError, match=r"a blend, .* \(--part 2\), or"):
        vectors_of(blend)
    with pytest.raises(FitError, match="found part 3; expected a part with embeddings"):
        vectors_of(blend, part=3)
    with pytest.raises(FitError, match="no inner product of embeddings"):
        vectors_of(blend, part=1)
    vectors = vectors_of(blend, part=2)
    np.testing.assert_array_equal(vectors.users, vectors_of(texts).users)
    assert "alone: its lists are not those of the blend" in vectors.notes[0]
    with pytest.raises(FitError, match="no blend"):
        vectors_of(texts, part=1)
