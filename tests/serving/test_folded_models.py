"""Models with users folded in: their lists, what they refuse, saved and folded into again."""

from __future__ import annotations

import copy
import json

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.torch import load_file, save_file

import fullrank as fr
from fullrank import DataError, Interactions, Recommender
from fullrank.serving import DotScorer, fold_in, model_files
from fullrank.serving.fold_in import FoldIn, fold_in_users


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


@pytest.mark.slow
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


@pytest.mark.slow
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
