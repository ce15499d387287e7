"""Users who were not in training, by the least squares of those who were."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch

from fullrank import DataError, Interactions, Recommender
from fullrank.serving.least_squares_scorer import LeastSquaresScorer


@pytest.mark.parametrize("weighted", [True, False])
def test_least_squares_are_solved_for_new_users(weighted, tmp_path):
    """The row of a newcomer against the normal equations in float64; and from a saved model."""
    rng = np.random.default_rng(0)
    dense = (rng.random((60, 20)) < 0.3) * rng.integers(1, 9, (60, 20)) / 2
    train = Interactions.from_scipy(dense if weighted else 1.0 * (dense > 0))
    settings = {"confidence": 3.0, "regularization": 0.02, "exponent": 0.5}
    model = Recommender("ials", dim=5, **settings).fit(train)
    guest = pl.DataFrame({"user_id": ["g", "g", "h"], "item_id": [0, 4, 4], "weight": [9.0, 1, 2]})
    items = model.item_embeddings.double().numpy()
    extra = np.zeros((2, len(items)))
    given = [9.0, 1.0, 2.0] if weighted else [1.0] * 3
    at = model.items.rows([0, 4, 4])
    extra[[0, 0, 1], at] = 3.0 * np.array(given)
    naive = []
    for more in extra:
        own = 1 + more
        ridge = 0.02 * own.sum() ** 0.5 * np.eye(5)
        gram = items.T @ (own[:, None] * items) + ridge
        naive.append(np.linalg.solve(gram, items.T @ (own * (more > 0))))
    folded = model.fold_in(guest)
    np.testing.assert_allclose(folded.user_embeddings, naive, rtol=1e-4, atol=1e-5)
    alone = model.fold_in(guest.head(2))
    torch.testing.assert_close(alone.user_embeddings[0], folded.user_embeddings[0])
    model.save(tmp_path / "m")
    folded.save(tmp_path / "folded")
    for folder in ("m", "folded"):
        loaded = Recommender.load(tmp_path / folder)
        assert torch.equal(loaded.fold_in(guest).user_embeddings, folded.user_embeddings)


@pytest.mark.parametrize(
    "numbers", [[0.0, 1, 1, 0], [1, -1, 1, 0], [1, 1, 2, 0], [1, np.nan, 1, 0]]
)
def test_a_damaged_loss_of_least_squares_is_refused(small, numbers):
    scorer = Recommender("ials", dim=4, iterations=1).fit(small.train).scorer
    tensors = scorer.tensors() | {"least_squares": torch.tensor(numbers, dtype=torch.float64)}
    with pytest.raises(DataError, match="tensor least_squares: found confidence, regularization"):
        LeastSquaresScorer.from_tensors(tensors, small.train, "cpu")
