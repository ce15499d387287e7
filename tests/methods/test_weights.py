"""Weights of interactions: hand-computed answers, naive matrices, and no change without them."""

from __future__ import annotations

import warnings

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp
import torch

from fullrank import METHODS, Columns, DataError, FitError, Interactions, Recommender
from fullrank.data.graph import BipartiteGraph
from fullrank.data.sampling import PairSampler
from fullrank.data.weights import item_strength, power, user_strength, weighted_csr
from fullrank.methods import ClosedFormMethod

QUICK = {"dim": 4, "epochs": 2, "batch_size": 8}


@pytest.fixture
def zeros() -> pl.DataFrame:
    rows = [("a", "x", 1), ("a", "y", 0), ("b", "y", 0), ("b", "x", 1), ("c", "y", 0)]
    return pl.DataFrame(rows, schema=["user_id", "item_id", "weight"], orient="row")


@pytest.fixture(scope="module")
def table():
    """30 users × 20 items, a quarter of the pairs, weights from 0.5 to 5."""
    rng = np.random.default_rng(0)
    dense = rng.integers(1, 11, (30, 20)) / 2 * (rng.random((30, 20)) < 0.25)
    dense[np.arange(20), np.arange(20)] = 1.5
    dense[0, :-1] = 2.0  # but not every item
    return dense


@pytest.fixture(scope="module")
def data(table) -> Interactions:
    return Interactions.from_scipy(sp.csr_array(table))


def test_a_row_of_weight_zero_is_no_interaction_anywhere(zeros):
    made = Interactions.from_frame(zeros)
    assert made.to_frame().rows() == [("a", "x", 1.0), ("b", "x", 1.0)]
    assert (made.n_users, made.n_items) == (3, 2)
    matrix = sp.coo_array((zeros["weight"], ([0, 0, 1, 1, 2], [0, 1, 1, 0, 1])), shape=(3, 2))
    assert Interactions.from_scipy(matrix).csr().toarray().tolist() == made.csr().toarray().tolist()
    twice = pl.concat([zeros, zeros.with_columns(weight=pl.lit(0, pl.Int64))])
    assert Interactions.from_frame(twice).to_frame().equals(made.to_frame())
    above = Interactions.from_frame(zeros, columns=Columns(threshold=0.0))
    assert above.to_frame().rows() == [("a", "x"), ("b", "x")]
    with pytest.raises(DataError, match="column weight: found zeros alone"):
        Interactions.from_frame(zeros.with_columns(weight=pl.lit(0.0)))
    none = zeros.with_columns(weight=pl.when(pl.col("item_id") == "y").then(1e-60).otherwise(1.0))
    assert Interactions.from_frame(none).to_frame().rows() == made.to_frame().rows()
    with pytest.raises(DataError, match=r"weights: found 1e\+300; expected numbers up to"):
        Interactions.from_frame(zeros.with_columns(weight=pl.lit(1e300)))


def test_popularity_by_hand(zeros):
    model = Recommender("popularity").fit(zeros)
    assert model.item_embeddings.flatten().tolist() == [2.0, 0.0]
    everyone = model.recommend(k=2, exclude_seen=False)
    assert everyone["item_id"].to_list() == ["x"] * 3  # y has no interactions
    assert everyone["score"].to_list() == [2.0] * 3
    weights = pl.DataFrame({"user_id": [1, 2, 1], "item_id": [5, 5, 6], "weight": [0.5, 1, 4]})
    lists = Recommender("popularity").fit(weights).recommend([2], exclude_seen=False)
    assert lists.select("item_id", "score").rows() == [(6, 4.0), (5, 1.5)]


def test_strengths(table, data):
    np.testing.assert_allclose(weighted_csr(data).toarray(), table)
    np.testing.assert_allclose(user_strength(data), table.sum(axis=1))
    np.testing.assert_allclose(item_strength(data), table.sum(axis=0))
    assert power(np.array([0, 0.25, 4.0]), -0.5).tolist() == [1, 2, 0.5]


def test_itemknn(table, data):
    scorer = METHODS["itemknn"](neighbours=20, shrinkage=3.0).solve(data, "cpu")
    norm = np.sqrt((table**2).sum(axis=0))
    shrinkage = 3.0 * (table[table > 0] ** 2).mean()
    weights = table.T @ table / (np.outer(norm, norm) + shrinkage)
    np.fill_diagonal(weights, 0)
    np.testing.assert_allclose(scorer.scores(torch.arange(30)), table @ weights, rtol=1e-5)
    others = table[:7, ::-1].copy()
    of_others = scorer.of(Interactions.from_scipy(sp.csr_array(others)))
    np.testing.assert_allclose(of_others.scores(torch.arange(7)), others @ weights, rtol=1e-5)
    np.testing.assert_allclose(scorer.scores(torch.arange(30)), table @ weights, rtol=1e-5)


def test_ease(table, data):
    scorer = METHODS["ease"](ridge=7.0).solve(data, "cpu")
    inverse = np.linalg.inv(table.T @ table + 7.0 * np.eye(20))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    # A score near zero is a difference of scores up to 3, each exact to the last bits of float32.
    np.testing.assert_allclose(
        scorer.scores(torch.arange(30)), table @ weights, rtol=1e-4, atol=1e-6
    )


def test_spectral(table, data):
    scorer = METHODS["spectral"](rank=5, beta=0.4, smoothing=0.3).solve(data, "cpu")
    ones = table / table[table > 0].mean()
    r = ones * np.outer(ones.sum(axis=1) ** -0.4, ones.sum(axis=0) ** -0.4)
    v = np.linalg.svd(r)[2][:5].T
    wanted = r @ (v @ v.T + 0.3 * r.T @ r)
    got = scorer.scores(torch.arange(30)).numpy()
    got *= np.linalg.norm(wanted) / np.linalg.norm(got)  # one factor for all users
    np.testing.assert_allclose(got, wanted, rtol=1e-3, atol=1e-5)


def test_the_graph(table, data):
    wanted = table / np.sqrt(np.outer(table.sum(axis=1), table.sum(axis=0)))
    graph = BipartiteGraph.of(data)
    np.testing.assert_allclose(graph.user_item.toarray(), wanted, rtol=1e-6)
    kept = np.random.default_rng(1).random(len(data)) < 0.5
    left = weighted_csr(data.select(kept)).toarray()
    scale = [np.where((s := left.sum(axis=axis)) > 0, s, 1) for axis in (1, 0)]
    wanted = left / np.sqrt(np.outer(*scale))
    np.testing.assert_allclose(BipartiteGraph.of(data, kept).user_item.toarray(), wanted, rtol=1e-6)


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0])
def test_ials_minimises_the_loss_of_its_confidences(table, data, exponent):
    """Item rows are the last to be solved: each is the minimum for the user rows as they are."""
    alpha, penalty = 4.0, 0.05
    confidence = 1 + alpha * table  # 1 where nothing was observed
    got = METHODS["ials"](confidence=alpha).loss(data).above_one(data).toarray()
    np.testing.assert_allclose(got, confidence - 1, rtol=1e-6)
    settings = {"dim": 3, "confidence": alpha, "regularization": penalty, "exponent": exponent}
    scorer = METHODS["ials"](**settings, iterations=3).solve(data, "cpu")
    users = scorer.user_table.double().numpy()
    for item in range(20):
        own = confidence[:, item]
        ridge = penalty * own.sum() ** exponent * np.eye(3)
        gram = users.T @ (own[:, None] * users) + ridge
        row = np.linalg.solve(gram, users.T @ (own * (table[:, item] > 0)))
        np.testing.assert_allclose(scorer.item_table[item], row, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "name",
    [
        *("popularity", "itemknn", "ease", "spectral", "allpass", "p3alpha", "rp3beta"),
        *("gf-cf", "sgfcf", "turbo-cf", "chebycf", "bspm", "slim"),
        "ials",
    ],
)
def test_weights_of_one_are_no_weights(table, name):
    plain = Interactions.from_scipy(sp.csr_array((table > 0).astype(float)))
    assert plain.weight is None
    ones = Interactions.from_frame(plain.to_frame().with_columns(weight=pl.lit(1.0)))
    settings = {"rank": 5} if "rank" in METHODS[name].model_fields else {}
    rows = torch.arange(30)
    one, other = (METHODS[name](**settings).solve(each, "cpu") for each in (plain, ones))
    assert torch.equal(one.scores(rows), other.scores(rows))
    blocks = [BipartiteGraph.of(each).user_item.data for each in (plain, ones)]
    np.testing.assert_array_equal(*blocks)


@pytest.mark.parametrize("rule", ["users", "interactions"])
@pytest.mark.parametrize("systematic", [False, True])
def test_pairs_are_drawn_in_proportion(table, data, rule, systematic):
    n = 60_000
    sampler = PairSampler(data, rule, weighted=True, systematic=systematic)
    (batch,) = sampler.chunks(np.random.default_rng(0), 1, n)
    drawn = np.zeros((30, 20))
    np.add.at(drawn, (batch.user_idx[0], batch.item_idx[0]), 1)
    chance = table / table.sum()
    if rule == "users":
        chance = table / table.sum(axis=1, keepdims=True) / 30
    spread = 1.0 if systematic else 5 * np.sqrt(n * chance)
    assert (np.abs(drawn - n * chance) <= spread + 1e-6).all()


def test_weighted_is_a_setting_and_needs_weights(data, table):
    plain = Interactions.from_scipy(sp.csr_array((table > 0).astype(float)))
    with pytest.raises(FitError, match="setting weighted: found True, and no weights"):
        Recommender("bpr", weighted=True, **QUICK).fit(plain)
    drawn = Recommender("bpr", weighted=True, **QUICK).fit(data)
    with pytest.warns(UserWarning, match="weighted = true draws pairs in proportion"):
        alike = Recommender("bpr", **QUICK).fit(data)
    assert not torch.equal(drawn.item_embeddings, alike.item_embeddings)
    same = Recommender("bpr", **QUICK).fit(plain)
    assert torch.equal(same.item_embeddings, alike.item_embeddings)


def quickly(name: str, data: Interactions) -> Recommender:
    """A method on the small table, by its defaults as far as they go there."""
    small = {"spectral": {"rank": 5}, "gde": {"low": 8}, "ials": {"dim": 4, "iterations": 2}}
    small |= {each: {"rank": 5} for each in ("allpass", "gf-cf", "sgfcf", "chebycf", "bspm")}
    small["softmax"] = {"negatives": 5}
    fields = METHODS[name].model_fields
    values = {key: value for key, value in QUICK.items() if key in fields} | small.get(name, {})
    values |= {key: 8 for key in ("svd_rank", "graph_rank") if key in fields}
    if name == "lightgcl":
        values["rank"] = 4
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Recommender(name, threads=1, **values).fit(data)


@pytest.mark.parametrize("name", METHODS)
def test_a_method_says_truly_whether_it_uses_weights(data, table, name):
    """What the method says is what its scores do."""
    plain = Interactions.from_scipy(sp.csr_array((table > 0).astype(float)))
    fitted = [quickly(name, each) for each in (plain, data)]
    rows = torch.arange(30)
    same = torch.equal(*(each.scorer.scores(rows) for each in fitted))
    assert fitted[1].settings.uses_weights is not same


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("unit", [0.001, 60.0])
def test_the_unit_of_weights_does_not_matter(data, table, name, unit):
    """Minutes or hours watched: the same order, for trained users and for guests."""
    other = Interactions.from_scipy(sp.csr_array(table * unit))
    found, lists = [], []
    for each, size in ((data, 1.0), (other, unit)):
        fitted = quickly(name, each)
        scores = fitted.scorer.scores(torch.arange(30)).double()
        found.append(scores / scores.norm(dim=1, keepdim=True))
        guest = {"user_id": "g", "item_id": ["0", "3"], "weight": [size, 2 * size]}
        lists.append(fitted.fold_in(pl.DataFrame(guest)).recommend(["g"], k=5))
    # The rule for the ridge of ease and slim rounds to two digits.
    np.testing.assert_allclose(*found, atol=5e-3 if name in ("ease", "slim") else 1e-4)
    assert lists[0]["item_id"].equals(lists[1]["item_id"])


@pytest.mark.parametrize("name", ["ease", "spectral", "allpass", "popularity"])
def test_saved_with_its_weights(data, name, tmp_path):
    settings = {"rank": 5} if name in ("spectral", "allpass") else {}
    model = Recommender(name, **settings).fit(data)
    model.save(tmp_path / "m")
    loaded = Recommender.load(tmp_path / "m")
    assert loaded.train.fingerprint == data.fingerprint
    assert loaded.recommend(k=5).equals(model.recommend(k=5))
    plain = data.to_frame().drop("weight")
    assert Interactions.from_frame(plain).fingerprint != data.fingerprint


def test_every_closed_form_counts_by_weight():
    """As docs/data.md has it."""
    closed = {name for name, kind in METHODS.items() if issubclass(kind, ClosedFormMethod)}
    assert {name for name in closed if not METHODS[name]().uses_weights} == set()
    assert len(closed) > 10
