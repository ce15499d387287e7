"""The all-pass filter in closed form, against a dense SVD in float64."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from fullrank import Interactions, Recommender, SettingError
from fullrank.data import memory
from fullrank.encoders.above_chance import chance_edge, count_above, pairs_above_chance
from fullrank.methods import METHODS
from fullrank.serving import allpass_scorer
from fullrank.spectrum import balance_spectrum
from fullrank.training import Silent

ALLPASS = METHODS["allpass"]


@pytest.fixture(scope="module")
def dense(small):
    return small.train.csr().toarray().astype(np.float64)


def normalised(dense, exponent):
    users, items = (np.where((d := dense.sum(axis)) > 0, d, 1.0) for axis in (1, 0))
    return users[:, None] ** -exponent * dense * items**-exponent


def naive(dense, exponent, rank, power, weight, hop):
    """Scores as the docs write them."""
    whole = normalised(dense, exponent)
    left, values, right = np.linalg.svd(whole, full_matrices=False)
    left, values, right = left[:, :rank], values[:rank], right[:rank]
    levelled = left @ np.diag((values / values[-1]) ** power) @ right
    return hop * whole @ whole.T @ whole / values[0] ** 3 + weight * levelled


def scores(model):
    return model.scorer.scores(torch.arange(len(model.users))).double().numpy()


@pytest.mark.parametrize("exponent", [0.0, 0.3, 0.5])
@pytest.mark.parametrize("power", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize(("rank", "weight", "hop"), [(9, 0.2, 1.0), (30, 1.0, 0.0), (110, 0.01, 2)])
def test_the_formula(small, dense, exponent, power, rank, weight, hop):
    settings = {"exponent": exponent, "power": power, "rank": rank, "weight": weight, "hop": hop}
    model = Recommender("allpass", **settings).fit(small.train)
    expected = naive(dense, exponent, rank, power, weight, hop)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(scores(model) / scale, expected / scale, rtol=0, atol=2e-6)


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_embeddings_have_the_filter_as_their_products(small, dense, power):
    model = Recommender("allpass", rank=20, power=power).fit(small.train)
    left, values, right = np.linalg.svd(normalised(dense, model.settings.exponent))
    expected = (left[:, :20] * values[:20] ** power) @ right[:20]
    users, items = model.user_embeddings.double(), model.item_embeddings.double()
    np.testing.assert_allclose(users @ items.T, expected, rtol=0, atol=1e-5)
    for table in (users, items):  # both sides have the spectrum of the filter
        np.testing.assert_allclose(table.T @ table, np.diag(values[:20] ** power), atol=1e-5)
    found = model.spectrum()
    np.testing.assert_allclose(found.effective_rank, model.training["effective_rank"], rtol=1e-6)
    if power == 0:
        assert model.training["effective_rank"] == pytest.approx(20)


@pytest.mark.slow
def test_power_zero_is_algorithm_1_run_to_its_end(small, dense):
    """H ← H - α H HᵀH on the kept part of R, until its singular values are equal."""
    rank = 12
    left, values, right = np.linalg.svd(normalised(dense, 0.3))
    kept = torch.from_numpy((left[:, :rank] * values[:rank]) @ right[:rank])
    level = balance_spectrum(kept, 0.9 / values[0] ** 2, 1, 2000)
    level = level / torch.linalg.matrix_norm(level, 2)
    model = Recommender("allpass", exponent=0.3, rank=rank, power=0, hop=0, weight=1)
    np.testing.assert_allclose(scores(model.fit(small.train)), level, rtol=0, atol=2e-3)


def test_power_one_without_the_hop_is_the_projection_of_spectral(small):
    settings = {"exponent": 0.4, "rank": 15, "power": 1, "weight": 0.1}
    mine = Recommender("allpass", hop=0, **settings).fit(small.train)
    its = Recommender("spectral", beta=0.4, rank=15, smoothing=0).fit(small.train)
    first, last = (mine.training["allpass"][each] for each in ("largest", "smallest"))
    np.testing.assert_allclose(scores(mine) * last / 0.1, scores(its), rtol=0, atol=1e-5)
    both = Recommender("allpass", **settings).fit(small.train)
    smoothing = last / (0.1 * first**3)
    hop = Recommender("spectral", beta=0.4, rank=15, smoothing=smoothing).fit(small.train)
    np.testing.assert_allclose(scores(both) * last / 0.1, scores(hop), rtol=0, atol=1e-4)


@pytest.mark.parametrize("factor", [0.25, 8.0])
def test_the_unit_of_weights_does_not_matter(factor):
    rng = np.random.default_rng(0)
    table = rng.integers(1, 5, (30, 20)) * (rng.random((30, 20)) < 0.4)
    one, other = (Interactions.from_scipy(sp.csr_array(table * f)) for f in (1.0, factor))
    fitted = [Recommender("allpass", rank=6).fit(each) for each in (one, other)]
    np.testing.assert_allclose(*(scores(model) for model in fitted), rtol=0, atol=1e-5)
    used = fitted[0].training["allpass"]["weight"]
    settings = fitted[0].settings
    expected = naive(table, settings.exponent, 6, settings.power, used, 1)
    np.testing.assert_allclose(scores(fitted[0]), expected, rtol=0, atol=1e-5)
    assert pairs_above_chance(sp.csr_array(table)) == pairs_above_chance(sp.csr_array(table * 3.0))


def test_pairs_that_are_not_there_are_not_raised():
    """Two blocks of ones have two singular pairs: rank 5 is 2, and nothing is made of the rest."""
    board = np.kron(np.eye(2), np.ones((6, 5)))
    data = Interactions.from_scipy(sp.csr_array(board))
    model = Recommender("allpass", rank=5, power=0, hop=0, exponent=0.5, weight=1.0).fit(data)
    assert model.training["allpass"]["rank"] == 2
    np.testing.assert_allclose(scores(model), board / np.sqrt(30), atol=1e-6)
    assert model.training["effective_rank"] == pytest.approx(2)


def test_new_users_are_served_as_known_ones(small, tmp_path):
    model = Recommender("allpass", rank=20).fit(small.train)
    rows = small.train.item_idx[small.train.user_idx == 7]
    folded = model.fold_in({"twin": model.items.raw(rows)})
    own, its = model.recommend([model.users.values[7]], k=5), folded.recommend(["twin"], k=5)
    assert own["item_id"].to_list() == its["item_id"].to_list()
    np.testing.assert_allclose(own["score"], its["score"], rtol=1e-5)
    np.testing.assert_allclose(folded.user_embeddings[0], model.user_embeddings[7], atol=1e-5)
    folded.save(tmp_path / "m")
    loaded = Recommender.load(tmp_path / "m")
    assert loaded.recommend(["twin"], k=5).equals(its)
    assert torch.equal(loaded.item_embeddings, model.item_embeddings)


def test_the_hop_is_the_same_sparse_and_dense(small, monkeypatch):
    model = Recommender("allpass", rank=8).fit(small.train)
    before = scores(model)
    monkeypatch.setattr(allpass_scorer, "DENSE_BYTES", 0)
    np.testing.assert_allclose(scores(model), before, atol=1e-6)


def test_defaults_come_from_the_data(small, dense):
    model = Recommender("allpass").fit(small.train)
    edge = (np.sqrt((dense.sum(1) > 0).sum()) + np.sqrt((dense.sum(0) > 0).sum())) / np.sqrt(
        dense.sum()
    )
    made = model.training["allpass"]
    assert made["weight"] == pytest.approx(1.8e-3 / edge**3)
    values = np.linalg.svd(normalised(dense, 0.5))[1]
    assert made["rank"] == pytest.approx((values > edge).sum(), abs=2)
    same = Recommender("allpass", rank=made["rank"], weight=made["weight"]).fit(small.train)
    assert same.recommend(k=5).equals(model.recommend(k=5))


def test_a_scorer_of_nothing_is_refused():
    with pytest.raises(SettingError, match="weight or hop above 0"):
        ALLPASS(weight=0, hop=0)


def test_more_than_the_memory_is_refused(small, monkeypatch):
    monkeypatch.setattr(memory, "SMALL", 0)
    monkeypatch.setattr(memory, "available_memory", lambda: 1000)
    with pytest.raises(SettingError, match="setting rank: found 50 singular pairs, which need"):
        Recommender("allpass", rank=50).fit(small.train)


def test_progress_is_reported(small, monkeypatch):
    from fullrank.encoders import block_svd, spectral

    class Counts(Silent):
        done, closed = 0, False

        def steps(self, count):
            self.done += count

        def close(self):
            self.closed = True

    monkeypatch.setattr(spectral, "DENSE", 0)
    monkeypatch.setattr(block_svd, "BLOCK", 4)
    counts = Counts()
    Recommender("allpass", rank=10).fit(small.train, reporter=counts)
    assert counts.done == 100
    assert counts.closed


@pytest.mark.parametrize("edge", [0.1, 0.4, 0.8])
def test_singular_values_are_counted(small, dense, edge):
    whole = normalised(dense, 0.5)
    exact = (np.linalg.svd(whole)[1] > edge).sum()
    assert abs(count_above(sp.csr_array(whole), edge, steps=100) - exact) <= 0.02 * exact + 2
    assert count_above(sp.csr_array(whole.T), edge) == pytest.approx(exact, abs=0.05 * exact + 3)


def test_random_pairs_have_no_structure_and_blocks_have():
    """A random graph has its leading pair alone above the edge; ten groups have ten."""
    rng = np.random.default_rng(1)
    noise = sp.csr_array((rng.random((600, 500)) < 0.05).astype(float))
    assert pairs_above_chance(noise) <= 4
    balanced = normalised(noise.toarray(), 0.5)
    assert np.linalg.svd(balanced)[1][1] == pytest.approx(chance_edge(noise), rel=0.05)
    chance = 0.02 + 0.3 * np.kron(np.eye(10), np.ones((60, 50)))
    groups = sp.csr_array((rng.random((600, 500)) < chance).astype(float))
    assert 10 <= pairs_above_chance(groups) <= 13
    model = Recommender("allpass").fit(Interactions.from_scipy(groups))
    assert 10 <= model.training["allpass"]["rank"] <= 13
