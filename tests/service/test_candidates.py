"""Lists from an index against exact ones: the same scores to the bit, in order, few missed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import shop

from fullrank import Recommender
from fullrank.data import Interactions
from fullrank.exporting.inverted import InvertedLists
from fullrank.rules.cells import Cells
from fullrank.service import candidates
from fullrank.service.candidates import IndexedTopK
from fullrank.service.indexing import recall
from fullrank.serving import Ranking, top_k

pytest.importorskip("faiss")


def made(model: Recommender, searched: int) -> IndexedTopK:
    rows = np.flatnonzero(model._trained.items)
    table = model.scorer.item_table
    return IndexedTopK(InvertedLists.of(table.numpy()[rows]), rows, table, searched)


@pytest.fixture(scope="module")
def model() -> Recommender:
    return shop.trained()


@pytest.fixture(scope="module")
def rank(model) -> IndexedTopK:
    return made(model, 8)


@pytest.fixture(scope="module")
def parts(model) -> list[Interactions]:
    return [model._parts[name] for name in ("train", "validation", "test")]


def same(found: Ranking, wanted: Ranking) -> None:
    np.testing.assert_array_equal(found.items, wanted.items)
    np.testing.assert_array_equal(found.scores, wanted.scores)


USERS = np.arange(0, shop.USERS, 7)


@pytest.mark.slow
@pytest.mark.parametrize("k", [1, 20, 100])
def test_lists_are_exact_but_for_what_is_missed(model, rank, parts, k):
    masks: Any = {"exclude": parts, "candidates": model._trained.candidates()}
    assert rank.by_index(USERS, k, parts).any()
    found = rank(model.scorer, USERS, k, **masks)
    whole = top_k(model.scorer, USERS, shop.ITEMS, **masks)
    for own, scores, all_items, all_scores in zip(
        found.items, found.scores, whole.items, whole.scores, strict=True
    ):
        place = np.full(shop.ITEMS, -1)
        place[all_items[all_items >= 0]] = np.arange((all_items >= 0).sum())
        at = place[own]
        assert (own >= 0).all()
        assert (at >= 0).all()  # nothing that is left out
        assert (np.diff(at) > 0).all()  # in the exact order
        np.testing.assert_array_equal(scores, all_scores[at])
    assert recall(found.items, whole.items[:, :k]) >= 0.98


def test_the_scores_are_inner_products(model, rank):
    found = rank(model.scorer, USERS, 5, candidates=model._trained.candidates())
    users = model.scorer.user_table.numpy().astype(np.float64)[USERS]
    items = model.scorer.item_table.numpy().astype(np.float64)[found.items]
    np.testing.assert_allclose(found.scores, np.einsum("ud,ukd->uk", users, items), rtol=1e-4)


def test_a_list_does_not_depend_on_who_else_is_asked_for(model, rank, parts):
    masks: Any = {"exclude": parts, "candidates": model._trained.candidates()}
    together = rank(model.scorer, USERS, 20, **masks)
    for at in range(0, len(USERS), 9):
        alone = rank(model.scorer, USERS[at : at + 1], 20, **masks)
        same(alone, Ranking(alone.users, together.items[[at]], together.scores[[at]]))


def test_a_part_of_the_items(model, rank, parts):
    allowed = np.arange(shop.ITEMS) % 10 < 9
    mask = model._trained.candidates(allowed)
    assert np.count_nonzero(mask) > candidates.FEW  # so that the index is asked
    found = rank(model.scorer, USERS, 20, exclude=parts, candidates=mask)
    assert mask[found.items].all()
    wanted = top_k(model.scorer, USERS, 20, exclude=parts, candidates=mask)
    assert recall(found.items, wanted.items) >= 0.98


@pytest.mark.parametrize("count", [0, 1, 15, 1000])
def test_few_items_are_ranked_exactly(model, rank, parts, count):
    mask = np.zeros(shop.ITEMS, dtype=np.bool_)
    mask[np.random.default_rng(count).permutation(shop.ITEMS)[:count]] = True
    masks: Any = {"exclude": parts, "candidates": mask}
    same(rank(model.scorer, USERS, 20, **masks), top_k(model.scorer, USERS, 20, **masks))


@pytest.mark.parametrize("k", [shop.ITEMS // 4, shop.ITEMS - 1, shop.ITEMS])
def test_lists_of_nearly_everything_are_exact(model, rank, parts, k):
    masks: Any = {"exclude": parts, "candidates": model._trained.candidates()}
    same(rank(model.scorer, USERS[:5], k, **masks), top_k(model.scorer, USERS[:5], k, **masks))


def test_a_user_who_has_what_is_best(model, rank):
    """More is asked for where all of the candidates are left out."""
    mask = model._trained.candidates()
    best = top_k(model.scorer, USERS, 20, candidates=mask).items
    has = Cells.of(USERS.repeat(20), best.ravel(), shop.USERS, shop.ITEMS)
    found = rank(model.scorer, USERS, 10, exclude=[has], candidates=mask)
    wanted = top_k(model.scorer, USERS, 10, exclude=[has], candidates=mask)
    assert (found.items >= 0).all()
    assert recall(found.items, wanted.items) >= 0.94  # farther down than was measured
    denied = mask & True
    denied[best] = False  # nobody's, and not counted among what a user has
    assert np.count_nonzero(denied) > candidates.FEW
    found = rank(model.scorer, USERS, 10, candidates=denied)
    assert denied[found.items].all()
    wanted = top_k(model.scorer, USERS, 10, candidates=denied)
    assert recall(found.items, wanted.items) >= 0.94  # farther down than was measured


def clustered(copies: int, zeros: int) -> Recommender:
    """Items in thirty directions; each row several times, and some of zeros."""
    rng = np.random.default_rng(5)
    centres = rng.normal(size=(30, 8))
    rows = centres[rng.integers(30, size=6000 // copies)]
    rows = rows + 0.1 * rng.normal(size=rows.shape)
    items = np.concatenate([np.tile(rows, (copies, 1)), np.zeros((zeros, 8))])
    return shop.of_tables(rng.normal(size=(50, 8)), items[rng.permutation(len(items))])


@pytest.mark.parametrize(("copies", "zeros"), [(1, 0), (40, 0), (600, 0), (1, 3000), (40, 3000)])
def test_equal_scores_are_ordered_as_in_an_exact_list(copies, zeros):
    model = clustered(copies, zeros)
    users, train = np.arange(1, 50), [model.train]
    found = made(model, 12)(model.scorer, users, 20, exclude=train)
    wanted = top_k(model.scorer, users, 20, exclude=train)
    assert (found.items >= 0).all()
    equal = (found.scores == wanted.scores).all(axis=1)  # no better row was missed
    assert equal.mean() > 0.9
    np.testing.assert_array_equal(found.items[equal], wanted.items[equal])


def test_a_table_of_zeros():
    model = shop.of_tables(np.zeros((4, 8)), np.zeros((2000, 8)))
    users = np.arange(4)
    same(made(model, 2)(model.scorer, users, 20), top_k(model.scorer, users, 20))


def test_users_of_zeros_and_other_scorers(model, rank):
    mask = model._trained.candidates()
    nobody = model.scorer.with_users(0 * model.scorer.user_table[:3])
    same(rank(nobody, np.arange(3), 7, candidates=mask),
         top_k(nobody, np.arange(3), 7, candidates=mask))  # fmt: skip
    popular = model._trained.scorer(3)
    same(rank(popular, np.arange(3), 7), top_k(popular, np.arange(3), 7))
    same(rank(model.scorer, USERS[:0], 7), top_k(model.scorer, USERS[:0], 7))
