from __future__ import annotations

import copy
import json
import warnings

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.torch import load_file, save_file

import fullrank as fr
from fullrank import DataError, Interactions, Recommender
from fullrank.serving import DotScorer, fold_in, model_files
from fullrank.serving.fold_in import RIDGE, FoldIn, fold_in_users


@pytest.fixture(scope="module")
def demo():
    return fr.load("demo")


@pytest.fixture(scope="module")
def guests(demo):
    """Every tenth user."""
    return np.arange(0, demo.train.n_users, 10)


@pytest.fixture(scope="module")
def trained(demo, guests) -> Recommender:
    """Fitted on the demo data without the guests."""
    hosts = ~np.isin(demo.train.user_idx, guests)
    values = {"alpha": 0.8, "tau": 2.0, "lr": 10.0, "distinct": False}
    return Recommender(dim=32, epochs=10, **values).fit(demo.train.select(hosts))


@pytest.fixture(scope="module")
def new(demo, guests) -> pl.DataFrame:
    return demo.train.select(np.isin(demo.train.user_idx, guests)).to_frame()


def tables(n_users=30, n_items=20, dim=4, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(n, dim, generator=generator, dtype=dtype) for n in (n_users, n_items)]


def pairs(n_users=30, n_items=20, seed=0) -> Interactions:
    """From one to eight items of each user: a mean is no sum."""
    rng = np.random.default_rng(seed)
    dense = np.zeros((n_users, n_items))
    for row in dense:
        row[rng.choice(n_items, rng.integers(1, 9), replace=False)] = 1
    return Interactions.from_scipy(dense)


def naive(user_table, item_table, train, new):
    """Row by row: ridge regression of user rows on the means of their items' unit rows."""

    def features(data):
        means = []
        for user in range(data.n_users):
            own = data.item_idx[data.indptr[user] : data.indptr[user + 1]]
            means.append(sum(item_table[i] / item_table[i].norm() for i in own.tolist()) / len(own))
        return torch.stack(means)

    known = features(train)
    penalty = RIDGE * (known**2).sum() / known.shape[1]
    square = known.T @ known + penalty * torch.eye(known.shape[1], dtype=known.dtype)
    return features(new) @ torch.linalg.inv(square) @ known.T @ user_table


def test_against_the_formula_user_by_user():
    users, items = tables()
    train, guests = pairs(), pairs(7, seed=5)
    got = fold_in_users(users, items, train, guests)
    torch.testing.assert_close(got, naive(users, items, train, guests), rtol=1e-9, atol=1e-12)


def test_one_user_and_one_item_by_hand(interactions_of):
    """x = 3, f = 1, the penalty a hundredth: W = 3 / 1.01, whatever the length of the item."""
    one = interactions_of([[1]])
    rows = fold_in_users(torch.tensor([[3.0]]), torch.tensor([[5.0]]), one, one)
    assert rows.item() == pytest.approx(3 / 1.01)


def test_turning_both_tables_turns_the_new_rows():
    users, items = tables()
    turn = torch.linalg.qr(torch.randn(4, 4, dtype=torch.float64)).Q
    plain = fold_in_users(users, items, pairs(), pairs(7, seed=5))
    turned = fold_in_users(users @ turn, items @ turn, pairs(), pairs(7, seed=5))
    torch.testing.assert_close(turned, plain @ turn, rtol=1e-9, atol=1e-12)


def test_users_without_pairs_and_lengths_of_items_do_not_count():
    users, items = tables()
    train = pairs()
    plain = fold_in_users(users, items, train, pairs(7, seed=5))
    padded = torch.cat((users, torch.full((2, 4), 1e6, dtype=torch.float64)))
    idle = Interactions.from_rows(fr.Ids.numbered(32), train.items, train.user_idx, train.item_idx)
    longer = items * torch.arange(1, 21, dtype=torch.float64)[:, None]
    got = fold_in_users(padded, longer, idle, pairs(7, seed=5))
    torch.testing.assert_close(got, plain, rtol=1e-9, atol=1e-12)


def test_trained_users_get_most_of_their_own_recommendations(demo, trained, guests):
    hosts = demo.train.users.values.gather(np.setdiff1d(np.arange(2000), guests))
    own = trained.train.to_frame()
    folded = trained.fold_in(own)
    k = 10
    lists = [m.recommend(hosts, k)["item_id"].to_numpy().reshape(-1, k) for m in (trained, folded)]
    shared = [len(set(a) & set(b)) for a, b in zip(*lists, strict=True)]
    assert np.mean(shared) > 6.5
    chance = [len(set(a) & set(b)) for a, b in zip(lists[0], lists[1][::-1], strict=True)]
    assert np.mean(chance) < 2
    held_out = demo.test.select(~np.isin(demo.test.user_idx, guests)).to_frame()
    ours, theirs = (each.evaluate(held_out, k=20)["ndcg@20"] for each in (folded, trained))
    assert ours > 0.85 * theirs


def test_users_who_were_not_trained_are_served_far_better_than_by_popularity(demo, trained, new):
    folded = trained.fold_in(new)
    popular = Recommender()
    counts = torch.from_numpy(trained.train.item_degree).float()[:, None]
    popular._scorer = DotScorer(torch.ones(folded.train.n_users, 1), counts)
    popular._parts = {"train": folded.train}
    test = demo.test.to_frame().filter(pl.col("user_id").is_in(folded.users.values.implode()))
    ours, theirs = (each.evaluate(test, k=20)["ndcg@20"] for each in (folded, popular))
    assert theirs > 0.05, "popularity is no straw man"
    assert ours > 1.5 * theirs


def test_every_form_of_the_same_interactions(trained, new):
    own = new.filter(pl.col("user_id") == "u10")["item_id"].to_list()
    frame = new.filter(pl.col("user_id") == "u10")
    forms = [
        {"u10": own},
        {"u10": np.array(own)},
        {"u10": (item for item in own)},
        {"u10": [*own, "unheard", own[0]]},
        frame,
        frame.to_pandas(),
        Interactions.from_frame(frame),
        new,
    ]
    rows = [trained.fold_in(form).recommend(["u10"], k=5) for form in forms]
    for each in rows:
        assert each["item_id"].equals(rows[0]["item_id"])
        assert np.allclose(each["score"], rows[0]["score"], rtol=1e-5)
    assert not set(rows[0]["item_id"]) & set(own)


def test_ids_of_new_users_may_be_anything(trained):
    assert trained.fold_in({7: ["i1"], 9: ["i2"]}).recommend([9], k=1)["user_id"].to_list() == [9]
    mixed = trained.fold_in({7: ["i1"], "x": ["i2"]})
    assert mixed.users.values.to_list() == ["7", "x"]
    one = trained.fold_in({"x": "i12"})
    assert one.train.to_frame()["item_id"].to_list() == ["i12"]


def test_what_cannot_be_folded_in_is_named(trained):
    for items in (["unheard"], [], "unheard"):
        with pytest.raises(DataError, match="user 'x': found no item that the model knows"):
            trained.fold_in({"x": items})
    with pytest.raises(DataError, match="user 'y': found no item"):
        trained.fold_in({"x": ["i1"], "y": ["unheard"]})
    with pytest.raises(DataError, match="no rows"):
        trained.fold_in({})
    with pytest.raises(DataError, match="found a list; expected a polars, pandas or pyarrow"):
        trained.fold_in(["i1"])


def test_items_and_the_model_itself_stay_as_they_are(trained):
    before = [table.clone() for table in trained._tables()]
    folded = trained.fold_in({"x": ["i1", "i5"]})
    assert torch.equal(folded.item_embeddings, before[1])
    assert all(torch.equal(a, b) for a, b in zip(trained._tables(), before, strict=True))
    assert (trained.items, trained.method) == (folded.items, folded.method)
    assert folded.recommend(["x"]).columns == trained.recommend(["u1"]).columns


def test_a_folded_model_can_be_saved_and_folded_into(trained, tmp_path):
    folded = trained.fold_in({"x": ["i1", "i5"], "y": ["i7", "i20"]})
    folded.save(tmp_path / "m")
    loaded = Recommender.load(tmp_path / "m")
    assert loaded.recommend().equals(folded.recommend())
    assert torch.equal(loaded.user_embeddings, folded.user_embeddings)


GUESTS = {"x": ["i1", "i5", "i9"], "y": ["i7", "i20"]}
LATER = {"z": ["i3", "i4"], "x": ["i8"]}


def test_folding_into_a_folded_model_equals_folding_into_the_original(trained):
    direct = trained.fold_in(LATER)
    for folded in (trained.fold_in(GUESTS), trained.fold_in(GUESTS).fold_in({"v": ["i2"]})):
        again = folded.fold_in(LATER)
        assert torch.equal(again.user_embeddings, direct.user_embeddings)
        assert again.recommend().equals(direct.recommend())
    of_guests = fold_in_users(*trained.fold_in(GUESTS)._tables(), trained.fold_in(GUESTS).train,
                              direct.train)  # fmt: skip
    assert not torch.allclose(of_guests, direct.user_embeddings, atol=1e-2), "the trap is one"


def test_methods_without_tables_fold_into_folded_models_too(demo):
    model = Recommender("itemknn").fit(demo.train)
    later = model.fold_in(LATER)
    assert model.fold_in(GUESTS).fold_in(LATER).recommend().equals(later.recommend())
    expected = later.train.csr() @ model.scorer.weights
    found = later.scorer.scores(torch.arange(later.train.n_users))
    np.testing.assert_allclose(found, expected.toarray(), rtol=1e-6)


def test_the_map_is_fitted_once_and_comes_with_the_folder(trained, tmp_path, monkeypatch):
    fresh = Recommender("directspec+")
    fresh._scorer, fresh._parts = trained._scorer, trained._parts
    direct = trained.fold_in(LATER).user_embeddings
    fits = []
    real = fold_in.fold_in_map

    def count(*args, **options):
        fits.append(args)
        return real(*args, **options)

    monkeypatch.setattr(fold_in, "fold_in_map", count)
    fresh.save(tmp_path / "m")
    assert len(fits) == 1
    for model in (fresh, Recommender.load(tmp_path / "m"), copy.deepcopy(fresh)):
        assert torch.equal(model.fold_in(LATER).user_embeddings, direct)
        assert torch.equal(model.fold_in(GUESTS).fold_in(LATER).user_embeddings, direct)
    fresh.fold_in(GUESTS).save(tmp_path / "guests")
    loaded = Recommender.load(tmp_path / "guests")
    assert torch.equal(loaded.fold_in(LATER).user_embeddings, direct)
    loaded.save(tmp_path / "again")
    assert torch.equal(Recommender.load(tmp_path / "again").fold_in(LATER).user_embeddings, direct)
    assert len(fits) == 1
    fresh.fit(demo_part := trained.train.select(np.arange(3000)))
    fresh.fold_in(GUESTS)
    assert len(fits) == 2, "another training has another map"
    assert fits[1][2] is demo_part


def without_map(folder):
    """As the folder would be if it had been written before the map was kept."""
    manifest = json.loads((folder / "manifest.json").read_text())
    path = folder / manifest["files"]["tables"]["file"]
    save_file({name: t for name, t in load_file(path).items() if name != fold_in.TENSOR}, path)
    entry = manifest["files"]["tables"]
    entry["sha256"], entry["bytes"] = model_files._sha256(path), path.stat().st_size
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_folders_from_before_the_map_was_kept(trained, tmp_path):
    trained.save(tmp_path / "m")
    without_map(tmp_path / "m")
    loaded = Recommender.load(tmp_path / "m")
    direct = trained.fold_in(LATER)
    assert torch.equal(loaded.fold_in(LATER).user_embeddings, direct.user_embeddings)
    trained.fold_in(GUESTS).save(tmp_path / "guests")
    without_map(tmp_path / "guests")
    guests = Recommender.load(tmp_path / "guests")
    assert guests.recommend().equals(trained.fold_in(GUESTS).recommend())
    guests.save(tmp_path / "again")
    with pytest.raises(DataError, match="fold_in: found a model of folded-in users that was saved"):
        Recommender.load(tmp_path / "again").fold_in(LATER)


@pytest.mark.parametrize("wrong", [torch.ones(3, 3), torch.full((32, 32), torch.nan)])
def test_a_map_that_does_not_fit_is_refused(trained, wrong):
    with pytest.raises(DataError, match="fold-in map of the model: found shape"):
        FoldIn.from_tensors({fold_in.TENSOR: wrong.double()}, trained._scorer, trained=True)


def test_blocks_of_users_give_the_same_map(monkeypatch):
    users, items = tables()
    whole = fold_in.fold_in_map(users, items, pairs())
    monkeypatch.setattr(fold_in, "BLOCK", 7)
    torch.testing.assert_close(fold_in.fold_in_map(users, items, pairs()), whole)


def test_tables_of_zeros_have_a_map_of_zeros():
    assert not fold_in.fold_in_map(torch.zeros(30, 4), torch.zeros(20, 4), pairs()).any()


def test_weighted_means_by_hand():
    """One trained user with items (1, 0) and (0, 1) of weights 3 and 1, f = (3/4, 1/4)."""
    items = torch.tensor([[2.0, 0.0], [0.0, 5.0]], dtype=torch.float64)
    users = torch.tensor([[4.0, 8.0]], dtype=torch.float64)
    train = Interactions.from_scipy(np.array([[3.0, 1.0]]))
    f = np.array([[0.75, 0.25]])
    square = f.T @ f
    square += RIDGE * np.trace(square) / 2 * np.eye(2)
    by_hand = np.linalg.inv(square) @ f.T @ users.numpy()
    mapping = fold_in.fold_in_map(users, items, train, weighted=True)
    np.testing.assert_allclose(mapping, by_hand, rtol=1e-12)
    guests = Interactions.from_scipy(np.array([[1.0, 4.0], [0.0, 7.0]]))
    got = fold_in_users(users, items, train, guests, weighted=True)
    np.testing.assert_allclose(got, np.array([[0.2, 0.8], [0.0, 1.0]]) @ by_hand, rtol=1e-7)
    plain = fold_in_users(users, items, train, guests)
    even = Interactions.from_scipy(np.array([[1.0, 1.0]]))
    others = Interactions.from_scipy(np.array([[1.0, 1.0], [0.0, 1.0]]))
    torch.testing.assert_close(plain, fold_in_users(users, items, even, others, weighted=True))
    assert not torch.allclose(plain, got, rtol=1e-2)


def weighted_pairs(n_users, n_items=20, seed=0):
    rng = np.random.default_rng(seed)
    dense = (rng.random((n_users, n_items)) < 0.3) * rng.integers(1, 9, (n_users, n_items)) / 2
    dense[np.arange(n_users), np.arange(n_users) % n_items] = 2.5
    return dense, Interactions.from_scipy(dense)


def test_weighted_means_against_a_loop_in_blocks_and_at_any_scale(monkeypatch):
    users, items = tables()
    (dense, train), (others, guests) = weighted_pairs(30), weighted_pairs(7, seed=5)

    def features(matrix):
        means = []
        for row in matrix:
            own = [row[i] * items[i] / items[i].norm() for i in np.flatnonzero(row)]
            means.append(sum(own) / row.sum())
        return torch.stack(means)

    known = features(dense)
    penalty = RIDGE * (known**2).sum() / known.shape[1]
    square = known.T @ known + penalty * torch.eye(known.shape[1], dtype=known.dtype)
    naive = features(others) @ torch.linalg.inv(square) @ known.T @ users
    got = fold_in_users(users, items, train, guests, weighted=True)
    torch.testing.assert_close(got, naive, rtol=1e-6, atol=1e-9)
    monkeypatch.setattr(fold_in, "BLOCK", 7)
    larger = Interactions.from_scipy(1024 * dense)
    again = fold_in_users(users, items, larger, guests, weighted=True)
    torch.testing.assert_close(again, got)


@pytest.mark.parametrize("method", ["ials", "bpr"])
def test_a_model_that_learned_by_weights_folds_in_by_weights(method, tmp_path):
    _, train = weighted_pairs(60)
    settings = {"ials": {"dim": 4}, "bpr": {"dim": 4, "epochs": 2, "batch_size": 16}}[method]
    models = {"used": Recommender(method, **settings)}
    if method == "bpr":
        models = {
            "used": Recommender(method, **settings, weighted=True),
            "unused": Recommender(method, **settings),
        }
    heavy = {"user_id": ["g", "g"], "item_id": ["0", "1"], "weight": [9.0, 1.0]}
    light = heavy | {"weight": [1.0, 9.0]}
    ids = pl.concat_str(pl.lit(""), pl.col("item_id"))
    frame = train.to_frame().with_columns(item_id=ids)
    for name, model in models.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of weights that are not used
            model.fit(frame)
        rows = [model.fold_in(pl.DataFrame(each)).user_embeddings for each in (heavy, light)]
        assert torch.equal(*rows) == (name == "unused")
        model.save(tmp_path / name)
        model.fold_in(pl.DataFrame(light)).save(tmp_path / f"{name}-folded")
        for folder in (name, f"{name}-folded"):
            loaded = Recommender.load(tmp_path / folder)
            again = loaded.fold_in(pl.DataFrame(heavy))
            assert torch.equal(again.user_embeddings, rows[0])
        even = model.fold_in({"g": ["0", "1"]})
        assert torch.equal(even.user_embeddings, rows[0]) == (name == "unused")
        assert torch.equal(even.fold_in(pl.DataFrame(heavy)).user_embeddings, rows[0])


def test_weights_of_newcomers_count_for_nothing_where_none_were_learned():
    dense, train = weighted_pairs(60)
    plain = Interactions.from_scipy((dense > 0).astype(np.float32))
    plain = Interactions.from_rows(plain.users, plain.items, plain.user_idx, plain.item_idx)
    guest = {"user_id": ["g", "g"], "item_id": [0, 1], "weight": [9.0, 1.0]}
    even = pl.DataFrame(guest).drop("weight")
    for data, same in ((plain, True), (train, False)):
        model = Recommender("itemknn", neighbours=5).fit(data)
        lists = [model.fold_in(each).recommend(k=9) for each in (pl.DataFrame(guest), even)]
        assert lists[0].equals(lists[1]) is same
