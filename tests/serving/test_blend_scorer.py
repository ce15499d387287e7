"""Blends of scorers: z-scores by hand, other users, what a folder keeps of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fullrank import DataError, FitError, Recommender
from fullrank.serving.blend_scorer import WEIGHTS, BlendPart, BlendScorer, standardised
from fullrank.serving.fold_in import FoldIn
from fullrank.serving.stored_scorers import scorer_of, tensors_of

QUICK = {"dim": 8, "batch_size": 64, "epochs": 2, "alpha": 0.6, "tau": 3.0, "lr": 3.0}


@pytest.fixture(scope="module")
def models(small):
    made = [("directspec+", QUICK), ("ease", {}), ("allpass", {"rank": 8})]
    return [Recommender(name, **settings).fit(small) for name, settings in made]


@pytest.fixture(scope="module")
def blend(models, small):
    parts = [BlendPart(model.scorer, FoldIn()) for model in models]
    return BlendScorer(small.train, parts, [0.5, 1.5, 0.25])


def by_hand(tables, weights):
    """One user and one item at a time, in float64."""
    total = np.zeros(tables[0].shape)
    for table, weight in zip(tables, weights, strict=True):
        for user, row in enumerate(table.double().tolist()):
            mean = sum(row) / len(row)
            deviation = (sum((each - mean) ** 2 for each in row) / len(row)) ** 0.5
            total[user] += [weight * (each - mean) / deviation for each in row]
    return total


def test_weighted_z_scores(blend, models):
    users = torch.tensor([3, 0, 17])
    tables = [model.scorer.scores(users) for model in models]
    expected = by_hand(tables, [0.5, 1.5, 0.25])
    np.testing.assert_allclose(blend.scores(users), expected, rtol=1e-4, atol=1e-5)


def test_scale_and_origin_of_a_part_are_of_no_matter():
    scores = torch.rand(5, 40, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        standardised(3 * scores + 7), standardised(scores), atol=1e-4, rtol=0
    )
    torch.testing.assert_close(standardised(-scores), -standardised(scores))


@pytest.mark.parametrize("value", [0.0, 0.1, -3.3e6, 1e-30])
def test_a_part_that_says_nothing_adds_nothing(value):
    assert not standardised(torch.full((2, 700), value)).any()


def test_users_with_the_same_items_get_the_same_lists(blend, small):
    new = small.train.select(np.flatnonzero(small.train.user_idx < 20))
    folded, whole = blend.of(new), blend.of(small.train)
    users = torch.arange(20)
    torch.testing.assert_close(folded.scores(users), whole.scores(users))


def test_each_part_folds_users_in_as_its_method_does(blend, models, small):
    new = small.train.select(np.arange(300))
    users = torch.arange(5)
    tables = [FoldIn().fold(model.scorer, small.train, new).scores(users) for model in models]
    expected = by_hand(tables, [0.5, 1.5, 0.25])
    got = blend.of(new).scores(users)
    known = torch.from_numpy(new.user_degree[:5] > 0)
    np.testing.assert_allclose(got[known], expected[known.numpy()], rtol=1e-3, atol=1e-4)


def test_saved_equals_loaded(blend, small):
    users = torch.arange(small.train.n_users)
    loaded = scorer_of(tensors_of(blend), small.train)
    assert torch.equal(loaded.scores(users), blend.scores(users))
    new = small.train.select(np.arange(300))
    assert torch.equal(loaded.of(new).scores(users), blend.of(new).scores(users))
    again = scorer_of(tensors_of(loaded), small.train)
    assert torch.equal(again.of(new).scores(users), blend.of(new).scores(users))


@pytest.mark.parametrize(
    "weights",
    [
        torch.tensor([1.0, 1.0, 0.0], dtype=torch.float64),
        torch.tensor([1.0, 1.0, -1.0], dtype=torch.float64),
        torch.tensor([1.0, 1.0, float("nan")], dtype=torch.float64),
        torch.tensor([1.0, 1.0, float("inf")], dtype=torch.float64),
        torch.ones(3),
        torch.ones(3, 1, dtype=torch.float64),
        torch.ones(0, dtype=torch.float64),
        torch.ones(4, dtype=torch.float64),
        torch.ones(100, dtype=torch.float64),
    ],
)
def test_weights_of_a_folder_are_checked(blend, small, weights):
    with pytest.raises(DataError):
        scorer_of(tensors_of(blend) | {WEIGHTS: weights}, small.train)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("blend.0.users", torch.ones(3, 8)),
        ("blend.0.items", torch.ones(5, 8)),
        ("blend.1.weights", torch.ones(4, 4)),
        ("blend.2.factors", torch.ones(7, 8)),
        ("blend.0.fold_in", torch.ones(2, 2)),
        ("blend.0.fold_in", torch.full((8, 8), float("nan"), dtype=torch.float64)),
    ],
)
def test_parts_of_a_folder_are_checked(blend, small, name, value):
    tensors = tensors_of(blend)
    assert name in tensors
    with pytest.raises(DataError):
        scorer_of(tensors | {name: value}, small.train)


def test_a_blend_of_blends_is_refused(blend, small):
    tensors = tensors_of(blend)
    nested = {WEIGHTS: torch.ones(1, dtype=torch.float64)}
    nested |= {f"blend.0.{name}": each for name, each in tensors.items()}
    with pytest.raises(DataError, match="expected one of"):
        scorer_of(nested, small.train)


def test_parts_are_of_the_same_users_and_items(models, small, tiny):
    part = BlendPart(models[0].scorer, FoldIn())
    other = BlendPart(models[1].scorer.of(tiny.compact()), FoldIn())
    assert other.scorer.n_users != small.train.n_users
    with pytest.raises(FitError, match="weights of the blend"):
        BlendScorer(small.train, [part, part], [1.0, 0.0])
    with pytest.raises(FitError, match="weights of the blend"):
        BlendScorer(small.train, [part, part], [1.0])
    with pytest.raises(FitError, match="parts of the blend"):
        BlendScorer(small.train, [], [])
    with pytest.raises(FitError, match="parts of the blend"):
        BlendScorer(small.train, [part, other], [1.0, 1.0])
