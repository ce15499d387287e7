"""The methods without epochs, against their formulas on dense matrices in float64."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from fullrank import FitError, Interactions, Recommender, SettingError
from fullrank.data import generate, random_split
from fullrank.encoders import WholeLoss
from fullrank.evaluation import evaluate
from fullrank.methods import build_method
from fullrank.methods.closed_form import ease, ials, ials_search, itemknn
from fullrank.methods.closed_form.sweeps import Sweeps


@pytest.fixture(scope="module")
def dense(small):
    return small.train.csr().toarray().astype(np.float64)


def scores(model):
    return model.scorer.scores(torch.arange(len(model.users))).double().numpy()


def test_popularity(small, dense):
    got = scores(Recommender("popularity").fit(small.train))
    assert (got == dense.sum(0)).all()


@pytest.mark.parametrize(("ridge", "tolerance"), [(0.5, 1e-6), (1.0, 1e-6), (50.0, 1e-6)])
def test_ease(small, dense, ridge, tolerance, monkeypatch):
    monkeypatch.setattr(ease, "ROWS", 33)
    inverse = np.linalg.inv(dense.T @ dense + ridge * np.eye(dense.shape[1]))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    model = Recommender("ease", ridge=ridge).fit(small.train)
    assert model.scorer.weights.dtype == np.float32
    np.testing.assert_allclose(model.scorer.weights, weights, rtol=0, atol=tolerance)
    np.testing.assert_allclose(scores(model), dense @ weights, rtol=0, atol=10 * tolerance)


def test_ease_in_float64_where_float32_would_not_do(small, dense, monkeypatch):
    """The bound on the condition holds, and beyond it single precision does visibly worse."""
    ridge = 1e-3
    gram = dense.T @ dense + ridge * np.eye(dense.shape[1])
    bound = ease.condition(small.train.csr(), ridge)
    assert np.linalg.cond(gram) <= bound
    assert bound > ease.LARGEST_CONDITION
    inverse = np.linalg.inv(gram)
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    errors = []
    for limit in (ease.LARGEST_CONDITION, np.inf):
        monkeypatch.setattr(ease, "LARGEST_CONDITION", limit)
        made = Recommender("ease", ridge=ridge).fit(small.train).scorer.weights
        errors.append(np.abs(made - weights).max())
    assert errors[0] < 1e-6 < errors[1]


def test_ease_works_in_one_matrix(small, monkeypatch):
    """What LAPACK returns is the memory that it got, so that no second n × n matrix is made."""
    monkeypatch.setattr(ease, "ROWS", 8)
    matrix = ease.gram_of(small.train.csr(), np.float32)
    matrix[np.diag_indices(len(matrix))] += 10
    before = matrix.__array_interface__["data"][0]
    tracemalloc.start()
    ease.invert(matrix)
    made = ease.to_weights(matrix)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert made.__array_interface__["data"][0] == before
    assert peak < 0.6 * matrix.nbytes


def test_ease_refuses_what_does_not_fit(small, monkeypatch):
    monkeypatch.setattr(ease, "available_memory", lambda: 1000)
    with pytest.raises(
        FitError, match=r"0.0 GiB of free memory; expected 0.0 GiB for a float32 120"
    ):
        Recommender("ease").fit(small.train)


def test_item_knn(small, dense, monkeypatch):
    monkeypatch.setattr(itemknn, "ROWS", 50)
    common = dense.T @ dense
    norm = np.sqrt(np.maximum(dense.sum(0), 1))
    similarity = common / (np.outer(norm, norm) + 3.0)
    np.fill_diagonal(similarity, 0)
    for row in similarity:  # the seven largest of each row, the rest zero
        row[np.argsort(-row, kind="stable")[7:]] = 0
    model = Recommender("itemknn", neighbours=7, shrinkage=3.0).fit(small.train)
    kept = model.scorer.weights.toarray()
    assert ((kept > 0).sum(1) <= 7).all()
    np.testing.assert_allclose(np.sort(kept, 1), np.sort(similarity, 1), rtol=0, atol=1e-6)


@pytest.mark.parametrize("rank", [5, 100])
def test_spectral(small, dense, rank):
    beta, gamma = 0.4, 0.7
    users, items = (np.maximum(dense.sum(axis), 1) for axis in (1, 0))
    left, values, right = np.linalg.svd(users[:, None] ** -beta * dense * items**-beta)
    whole = users[:, None] ** -beta * dense * items**-beta
    expected = (left[:, :rank] * values[:rank]) @ right[:rank] + gamma * whole @ whole.T @ whole
    model = Recommender("spectral", rank=rank, beta=beta, smoothing=gamma).fit(small.train)
    np.testing.assert_allclose(scores(model), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("alpha", [0.3, 2.0])
def test_gf_cf(small, dense, alpha, tmp_path):
    """GF-CF as its authors write it, on dense matrices: the scores up to a factor a user."""
    rank = 11
    users, items = (np.maximum(dense.sum(axis), 1) for axis in (1, 0))
    whole = users[:, None] ** -0.5 * dense * items**-0.5
    right = np.linalg.svd(whole)[2][:rank].T
    ideal = np.diag(items**-0.5) @ right @ right.T @ np.diag(items**0.5)
    expected = dense @ (whole.T @ whole + alpha * ideal)
    settings = {"rank": rank, "beta": 0.5, "projection": "gf-cf", "smoothing": 1 / alpha}
    model = Recommender("spectral", **settings).fit(small.train)
    got = scores(model) * alpha * users[:, None] ** 0.5
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-4)
    plain = Recommender("spectral", **settings | {"projection": "normalised"}).fit(small.train)
    assert not plain.recommend(k=10).equals(model.recommend(k=10))
    model.save(tmp_path / "m")
    assert Recommender.load(tmp_path / "m").recommend(k=10).equals(model.recommend(k=10))
    user = model.users.values[7]
    own = small.train.item_idx[small.train.user_idx == 7]
    folded = model.fold_in({"twin": model.items.raw(own)}).recommend(["twin"], k=5)
    assert folded["item_id"].to_list() == model.recommend([user], k=5)["item_id"].to_list()


def test_ials_fits_what_was_seen(small, dense):
    got = scores(Recommender("ials", dim=8, regularization=0.01).fit(small.train))
    assert got[dense > 0].mean() > got[dense == 0].mean() + 0.3


@pytest.mark.parametrize("seed", [0, 1])
def test_ials_finds_its_penalty_by_pairs_of_training_alone(seed):
    """The validation part, which it has not seen, has no other λ above it."""
    split = random_split(generate(600, 400, 12_000, seed=1), test=0.2, validation=0.1, seed=0)
    method = build_method("ials", {"dim": 24, "seed": seed})
    found = method.solve(split.train, "cpu")
    penalty = found.metadata["ials"]["regularization"]

    def ndcg(scorer):
        figures = evaluate(scorer, split.validation, train=split.train, k=20, metrics=("ndcg",))
        return figures["ndcg@20"]

    for factor in (1 / 30, 1 / 3, 3):
        other = method.replace(regularization=factor * penalty)
        assert ndcg(other.solve(split.train, "cpu")) < ndcg(found)
    again = method.replace(regularization=penalty).solve(split.train, "cpu")
    assert found.item_table.equal(again.item_table)


def test_pairs_are_withheld_from_users_who_keep_some(small):
    data = small.train
    held = ials_search.withheld(data, np.random.default_rng(0))
    count = np.bincount(data.user_idx[held], minlength=data.n_users)
    assert (count[data.user_degree < 2] == 0).all()
    able = data.user_degree >= 2
    assert (count[able] == np.maximum(1, np.round(0.1 * data.user_degree[able]))).all()
    other = ials_search.withheld(data, np.random.default_rng(1))
    assert (held != other).any()


def test_the_edge_of_chance():
    """Of N for pairs at random with weights: where its singular values end."""
    rng = np.random.default_rng(0)
    dense = (rng.random((300, 500)) < 0.03) * rng.integers(1, 5, (300, 500))
    data = Interactions.from_scipy(sp.csr_array(dense.astype(float)))
    sweeps = Sweeps(data, WholeLoss(20.0, 0.0, 1.0), np.zeros((500, 16), np.float32), 4)
    confidence = 1 + 20.0 * dense
    scale = np.outer(confidence.sum(axis=1), confidence.sum(axis=0)) ** -0.5
    values = np.linalg.svd(scale * confidence * (dense > 0), compute_uv=False)
    assert sweeps.edge() == pytest.approx(values[1], rel=0.1)  # the first is the mean


def test_ials_refuses_embeddings_that_do_not_rank():
    with pytest.raises(FitError, match="method ials: found embeddings that are not finite"):
        ials.checked(np.array([[1, np.nan]], dtype=np.float32))
    with pytest.raises(FitError, match="method ials: found embeddings of zero"):
        ials.checked(np.zeros((2, 3), dtype=np.float32))


@pytest.mark.parametrize("method", ["ease", "itemknn"])
def test_weights_from_item_to_item_serve_as_embeddings_do(small, method, tmp_path):
    model = Recommender(method).fit(small)
    with pytest.raises(FitError, match="found no embeddings"):
        _ = model.item_embeddings
    weights = model.scorer.weights
    weights = torch.from_numpy(weights if method == "ease" else weights.toarray())
    similar = model.similar_items(["i3"], k=5)
    row = model.items.rows(["i3"])[0]
    best = weights[row].clone()
    best[row] = -torch.inf
    assert similar["similar_item_id"][0] == model.items.raw(np.array([int(best.argmax())]))[0]
    assert "i3" not in similar["similar_item_id"].to_list()
    folded = model.fold_in({"new": ["i3"]})
    given = folded.recommend(["new"], k=3)
    assert given["item_id"].to_list() == similar["similar_item_id"].to_list()[:3]
    folded.save(tmp_path / "m")
    assert Recommender.load(tmp_path / "m").recommend(["new"], k=3).equals(given)


def test_a_method_without_epochs_cannot_go_on(small, tmp_path):
    with pytest.raises(SettingError, match="a method with epochs"):
        Recommender("ease").fit(small.train, checkpoint=tmp_path / "c", resume=True)


def test_spectral_serves_new_users_as_it_serves_known_ones(small, tmp_path):
    model = Recommender("spectral", rank=20).fit(small.train)
    user = model.users.values[7]
    rows = small.train.item_idx[small.train.user_idx == 7]
    folded = model.fold_in({"twin": model.items.raw(rows)})
    own, its = model.recommend([user], k=5), folded.recommend(["twin"], k=5)
    assert own["item_id"].to_list() == its["item_id"].to_list()
    np.testing.assert_allclose(own["score"], its["score"], rtol=1e-5)
    folded.save(tmp_path / "m")
    assert Recommender.load(tmp_path / "m").recommend(["twin"], k=5).equals(its)
    assert "i3" not in model.similar_items(["i3"], k=5)["similar_item_id"].to_list()
