from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

import fullrank as fr
from fullrank import DataError, FitError, Interactions, Recommender, SettingError
from fullrank.evaluation import DotScorer, evaluate

QUICK = {"dim": 8, "batch_size": 32, "epochs": 5}


@pytest.fixture(scope="module")
def model(small) -> Recommender:
    return Recommender(**QUICK).fit(small)


def test_lists_speak_raw_ids_and_leave_out_what_is_known(model, small):
    frame = model.recommend(["u5", "u3"], k=7)
    assert frame.columns == ["user_id", "item_id", "title", "score", "rank"]
    assert frame["user_id"].to_list() == ["u5"] * 7 + ["u3"] * 7
    assert frame["rank"].to_list() == [*range(1, 8)] * 2
    scores = (model.user_embeddings @ model.item_embeddings.T).numpy()
    seen = sum(part.csr().toarray() for part in small.parts.values()) > 0
    scores[seen] = -np.inf
    for user, row in (("u5", 5), ("u3", 3)):
        wanted = [f"i{item}" for item in np.argsort(-scores[row], kind="stable")[:7]]
        assert frame.filter(pl.col("user_id") == user)["item_id"].to_list() == wanted
    titles = dict(zip(small.train.items.values, small.train.items.titles, strict=True))
    assert all(titles[i] == t for i, t in frame.select("item_id", "title").iter_rows())
    everyone = model.recommend(k=3)
    assert (
        everyone["user_id"]
        .unique(maintain_order=True)
        .equals(small.train.users.values.rename("user_id"))
    )


def test_seen_allowed_and_denied(model, small):
    row = 5
    own = small.train.items.raw(
        small.train.item_idx[small.train.indptr[row] : small.train.indptr[row + 1]]
    ).to_list()
    assert set(model.recommend("u5", k=120, exclude_seen=False)["item_id"]) >= set(own)
    assert not set(model.recommend("u5", k=120)["item_id"]) & set(own)
    some = ["i7", "i8", *own]
    assert set(model.recommend(["u5"], allow=some)["item_id"]) <= {"i7", "i8"}
    best = model.recommend(["u5"], k=3)["item_id"].to_list()
    assert model.recommend(["u5"], k=2, deny=best[:1])["item_id"].to_list() == best[1:]


def test_what_is_unknown_is_named(model):
    with pytest.raises(DataError, match=r"user: found the unknown id 'zz' and 1 more.*fold_in"):
        model.recommend(["u1", "zz", "yy"])
    with pytest.raises(DataError, match="denied items: found the unknown id 'nope'"):
        model.recommend(["u1"], deny=["nope"])
    with pytest.raises(DataError, match="item: found the unknown id 'nope'"):
        model.similar_items(["nope"])
    with pytest.raises(SettingError, match="k: found 0"):
        model.recommend(["u1"], k=0)
    with pytest.raises(FitError, match="no embeddings yet"):
        Recommender().recommend(["u1"])


def test_ids_stay_what_they_were():
    frame = pd.DataFrame({"user_id": ["007", "7", "08"] * 4, "item_id": [1, 2, 3, 40] * 3})
    model = Recommender(dim=2, batch_size=4, epochs=1).fit(frame)
    assert set(model.recommend(["007", "7"], exclude_seen=False)["user_id"]) == {"007", "7"}
    assert model.recommend(k=1, exclude_seen=False)["item_id"].dtype == pl.Int64
    with pytest.raises(DataError, match="'8'"):
        model.recommend(["8"])


def test_similar_items(model):
    frame = model.similar_items(["i3", "i9"], k=4)
    assert frame.columns == ["item_id", "similar_item_id", "title", "score", "rank"]
    unit = torch.nn.functional.normalize(model.item_embeddings, dim=1)
    cosine = unit[3] @ unit.T
    cosine[3] = -2
    wanted = [f"i{item}" for item in cosine.topk(4).indices.tolist()]
    assert frame.filter(pl.col("item_id") == "i3")["similar_item_id"].to_list() == wanted
    twins = Recommender(**QUICK)
    twins._tables = (model.user_embeddings, torch.ones(120, 8))
    twins._parts = {"train": model.train}
    assert twins.similar_items(["i3"], k=3)["similar_item_id"].to_list() == ["i0", "i1", "i2"]


def test_evaluate_is_the_evaluation_room(model, small):
    direct = evaluate(
        DotScorer(model.user_embeddings, model.item_embeddings),
        small.test,
        train=small.train,
        validation=small.validation,
    )
    ours = model.evaluate()
    assert dict(ours) == dict(direct)
    assert ours.protocol["method"] == "directspec+"
    assert ours.protocol["seed"] == 0
    assert "torch" in ours.protocol["versions"]
    frame = pl.concat(
        [
            small.test.to_frame(),
            pl.DataFrame({"user_id": ["new", "u1"], "item_id": ["i1", "unheard"]}),
        ]
    )
    foreign = model.evaluate(frame)
    assert foreign.protocol["unknown_pairs_left_out"] == 2
    assert foreign["ndcg@20"] == pytest.approx(ours["ndcg@20"], abs=1e-12)
    with pytest.raises(DataError, match="2 pairs, none"):
        model.evaluate(pl.DataFrame({"user_id": [1, 2], "item_id": [3, 4]}))
    alone = Recommender(**QUICK).fit(small.train)
    with pytest.raises(DataError, match="no held-out part"):
        alone.evaluate()


def test_the_test_part_is_not_looked_at(small):
    without = fr.Split("x", small.train, small.validation, None)
    a, b = (Recommender(**QUICK).fit(split) for split in (small, without))
    assert torch.equal(a.user_embeddings, b.user_embeddings)


def test_validation_must_share_its_ids(small):
    other = Interactions.from_frame(pl.DataFrame({"user_id": ["u1"], "item_id": ["i1"]}))
    with pytest.raises(FitError, match="parts of one split"):
        Recommender(**QUICK).fit(small.train, other)


def test_fold_in_serves_users_who_were_not_trained(model):
    data = fr.load("demo")
    guests = np.arange(0, data.train.n_users, 10)
    is_guest = np.isin(data.train.user_idx, guests)
    trained = Recommender(dim=32, epochs=20, tau=2.0).fit(data.train.select(~is_guest))
    new = data.train.select(is_guest).to_frame()
    folded = trained.fold_in(new)
    popular = Recommender(dim=32)
    popular._tables = (
        torch.ones(folded.train.n_users, 1),
        torch.from_numpy(data.train.item_degree).float()[:, None],
    )
    popular._parts = {"train": folded.train}
    test = data.test.to_frame().filter(pl.col("user_id").is_in(folded.users.values.implode()))
    ours, theirs = (each.evaluate(test, k=20)["ndcg@20"] for each in (folded, popular))
    assert ours > 1.5 * theirs
    own = new.filter(pl.col("user_id") == "u10")["item_id"].to_list()
    lists = [
        trained.fold_in(form).recommend(["u10"], k=5)["item_id"].to_list()
        for form in ({"u10": own}, {"u10": [*own, "unheard"]}, new)
    ]
    assert lists[0] == lists[1] == lists[2]
    assert not set(lists[0]) & set(own)
    with pytest.raises(DataError, match="user 'x': found no item"):
        trained.fold_in({"x": ["unheard"]})
    with pytest.raises(DataError, match="user 'x': found no item"):
        trained.fold_in({"x": []})


def test_fold_in_can_be_saved(model, tmp_path):
    folded = model.fold_in({"new": ["i1", "i2"]})
    folded.save(tmp_path / "m")
    assert Recommender.load(tmp_path / "m").recommend().equals(folded.recommend())
