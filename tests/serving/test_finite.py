"""Scores that may be infinite are refused: where a scorer is made, those of strangers in a list."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fullrank import DataError, FitError, Recommender
from fullrank.serving import DotScorer, ItemScorer, SpectralScorer, finite, top_k
from fullrank.serving.finite import LARGEST


def table(value, n=5, d=4):
    made = torch.zeros(n, d)
    made[2, 1] = value
    return made


@pytest.mark.parametrize(("user", "item"), [(1e20, 1e20), (1e38, 2.0), (1e38, -2.0), (-3e38, 3e38)])
def test_products_beyond_float32(user, item):
    with pytest.raises(FitError, match=r"rows of length .* scores may be infinite"):
        DotScorer(table(user), table(item))
    with pytest.raises(FitError, match="scores may be infinite"):
        DotScorer(table(1e-30), table(item)).with_users(table(user))


def test_the_bound_by_hand(monkeypatch):
    """Half of float32's range, 1.7e38, for sums over the width as for single products."""
    DotScorer(table(1.6e19), table(1e19))
    with pytest.raises(FitError, match="scores may be infinite"):
        DotScorer(table(2e19), table(1e19))
    with pytest.raises(FitError, match="scores may be infinite"):
        DotScorer(torch.full((2, 64), 1e19), torch.full((2, 64), 1e19))
    monkeypatch.setattr(finite, "BLOCK", 2)
    with pytest.raises(FitError, match="scores may be infinite"):  # the longest of all blocks
        DotScorer(table(2e19), table(1e19))


def test_long_rows_whose_products_are_numbers():
    """The first bound, d times the largest numbers, is too wide here; the lengths decide."""
    wide = torch.zeros(3, 64)
    wide[0, 0] = 1e37
    scorer = DotScorer(wide, torch.eye(64)[:4] * 9)
    assert scorer.scores(torch.tensor([0]))[0, 0] == pytest.approx(9e37)


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), float("-inf")])
def test_tables_with_numbers_that_are_none(wrong):
    for tables in ((table(wrong), table(1)), (table(1), table(wrong))):
        with pytest.raises(FitError, match="table, row 2: found NaN or infinity"):
            DotScorer(*tables)


def test_numbers_that_float32_cannot_hold():
    with pytest.raises(FitError, match="user table, row 1: found NaN or infinity"):
        DotScorer(torch.tensor([[1.0], [1e300]], dtype=torch.float64), torch.ones(1, 1))


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), LARGEST / 2, -LARGEST / 2])
def test_weights_from_item_to_item(small, wrong):
    weights = np.zeros((120, 120), dtype=np.float32)
    weights[3, 5] = wrong
    with pytest.raises(FitError, match="weights from item to item"):
        ItemScorer(small.train, weights)


@pytest.mark.parametrize("name", ["vectors", "scale", "matrix"])
@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), 1e38])
def test_spectral_parts(small, name, wrong):
    import scipy.sparse as sp

    parts = {
        "vectors": np.ones((120, 2), dtype=np.float32),
        "matrix": sp.csr_array(np.eye(120, dtype=np.float32)),
        "scale": np.ones(120, dtype=np.float32),
    }
    SpectralScorer(small.train, **parts, beta=0.5, smoothing=1.0)
    part = parts[name]
    (part.data if name == "matrix" else part.ravel())[7] = wrong
    with pytest.raises(FitError, match="singular vectors"):
        SpectralScorer(small.train, **parts, beta=0.5, smoothing=1.0)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_scores_of_a_strangers_scorer(scorer_of, wrong):
    scores = np.arange(12.0).reshape(3, 4)
    scores[1, 2] = wrong
    with pytest.raises(FitError, match="scores of user row 1: found NaN or infinity"):
        top_k(scorer_of(scores), np.arange(3), 2)
    scores[1, 2] = -np.inf  # never recommended
    assert 2 not in top_k(scorer_of(scores), np.arange(3), 4).items[1]


def test_scores_of_another_shape(scorer_of):
    scorer = scorer_of(np.ones((3, 4)))
    scorer.scores = lambda users: torch.ones(len(users), 3)
    with pytest.raises(DataError, match=r"scores of shape \(2, 3\); expected \(2, 4\)"):
        top_k(scorer, np.arange(2), 1)


@pytest.mark.parametrize("method", ["popularity", "itemknn", "ease"])
def test_user_rows_beyond_the_table_of_every_scorer(small, method):
    scorer = Recommender(method).fit(small.train).scorer
    for wrong in (200, -1):
        with pytest.raises(
            DataError, match=f"user rows: found {wrong}; expected rows from 0 to 199"
        ):
            top_k(scorer, np.array([0, wrong]), 3)
    with pytest.raises(DataError, match="user rows: found float64"):
        top_k(scorer, np.array([0.5]), 3)


def test_a_fit_that_ends_in_infinite_scores_is_refused(small, tmp_path):
    model = Recommender("bpr", dim=4, epochs=1, batch_size=64, lr=1e22, optimizer="sgd")
    with pytest.raises(FitError):
        model.fit(small.train).save(tmp_path / "m")
    assert not (tmp_path / "m").exists()
