"""What `recommend` takes, and the lists that it returns."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from recommending import EVERY_PART, QUICK, best, masked_scores, of_tables

import fullrank as fr
from fullrank import Ids, Interactions, Recommender, SettingError


def test_lists_speak_raw_ids_and_leave_out_what_is_known(model, small):
    frame = model.recommend(["u5", "u3"], k=7, exclude=EVERY_PART)
    assert frame.columns == ["user_id", "item_id", "title", "score", "rank"]
    assert frame["user_id"].to_list() == ["u5"] * 7 + ["u3"] * 7
    assert frame["rank"].to_list() == [*range(1, 8)] * 2
    scores = masked_scores(model, small.train, small.validation, small.test)
    for user, row in (("u5", 5), ("u3", 3)):
        order = np.argsort(-scores[row], kind="stable")[:7]
        assert best(frame, user) == [f"i{item}" for item in order]
        theirs = frame.filter(pl.col("user_id") == user)["score"].to_numpy()
        np.testing.assert_allclose(theirs, scores[row][order], rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("parts", [(), ("validation",), ("validation", "test")])
def test_every_part_that_was_given_is_left_out_and_no_other(small, parts):
    given = {name: small.parts[name] if name in parts else None for name in ("validation", "test")}
    fitted = Recommender(**QUICK).fit(fr.Split("x", small.train, **given))
    scores = masked_scores(fitted, small.train, *(small.parts[name] for name in parts))
    frame = fitted.recommend(k=120, exclude=EVERY_PART)
    for row in (0, 7, 199):
        left = np.flatnonzero(np.isfinite(scores[row]))
        assert set(best(frame, f"u{row}")) == {f"i{item}" for item in left}
        theirs = frame.filter(pl.col("user_id") == f"u{row}")["score"].to_numpy()
        np.testing.assert_allclose(theirs, -np.sort(-scores[row][left]), rtol=1e-4, atol=1e-6)
    assert len(fitted.recommend(k=500, exclude_seen=False)) == 200 * 120


def test_recall_by_hand_from_recommend_is_that_of_evaluate(model, small):
    """By default, what is left out of the lists is what the figures mask."""
    lists, held = model.recommend(k=20), small.test.to_frame()
    for k in (10, 20):
        top = lists.filter(pl.col("rank") <= k)
        hits = held.join(top, on=["user_id", "item_id"], how="left")
        by_user = hits.group_by("user_id").agg(pl.col("rank").is_not_null().mean())
        result = model.evaluate(k=20 if k == 20 else (10, 20))
        assert by_user["rank"].mean() == pytest.approx(result[f"recall@{k}"], rel=1e-12)
        assert result[f"recall@{k}"] > 0
    served = model.recommend(k=20, exclude=EVERY_PART)
    assert held.join(served, on=["user_id", "item_id"], how="inner").is_empty()
    assert model.recommend("u5", exclude="train").equals(model.recommend("u5", exclude=["train"]))
    assert model.recommend("u5", exclude=()).equals(model.recommend("u5", exclude_seen=False))
    with pytest.raises(SettingError, match="exclude: found 'tset'; expected 'test'"):
        model.recommend("u5", exclude=["tset"])


def test_all_users_by_default_in_their_order(model, small):
    frame = model.recommend(k=3)
    assert frame["user_id"][::3].to_list() == small.train.users.values.to_list()
    assert len(frame) == 600
    again = model.recommend(small.train.users.values.reverse(), k=3)
    assert again["user_id"][::3].to_list() == small.train.users.values.to_list()[::-1]
    assert best(again, "u9") == best(frame, "u9")


def test_titles_go_with_their_items(model, small):
    titles = dict(zip(small.train.items.values, small.train.items.titles, strict=True))
    frame = model.recommend(k=5)
    assert all(titles[item] == title for item, title in frame.select("item_id", "title").rows())
    near = model.similar_items(["i3"])
    assert all(titles[i] == title for i, title in near.select("similar_item_id", "title").rows())
    items = Ids(small.train.items.values)
    plain = of_tables(model.user_embeddings, model.item_embeddings, model.train)
    plain._parts = {"train": Interactions(model.users, items, *csr(model.train))}
    assert plain.recommend(["u1"]).columns == ["user_id", "item_id", "score", "rank"]


def csr(data):
    return data.indptr, data.item_idx


@pytest.mark.parametrize(
    "users",
    [
        ["u5", "u3"],
        ("u5", "u3"),
        (user for user in ("u5", "u3")),
        np.array(["u5", "u3"]),
        pl.Series(["u5", "u3"]),
        pd.Series(["u5", "u3"]),
        {"u5": 1, "u3": 2},
    ],
    ids=lambda users: type(users).__name__,
)
def test_users_in_any_collection(model, users):
    assert model.recommend(users, k=1)["user_id"].to_list() == ["u5", "u3"]


def test_one_id_or_none_or_the_same_twice(model):
    assert model.recommend("u5").equals(model.recommend(["u5"]))
    assert model.recommend(np.str_("u5")).equals(model.recommend(["u5"]))
    none = model.recommend([])
    assert (len(none), none.schema) == (0, model.recommend("u5").schema)
    twice = model.recommend(["u5", "u5"], k=2)
    assert twice["item_id"].to_list() == best(model.recommend(["u5"], k=2), "u5") * 2


def test_allowed_and_denied(model, small):
    own = small.train.items.raw(small.train.item_idx[small.train.user_idx == 5]).to_list()
    assert set(model.recommend("u5", k=120, exclude_seen=False)["item_id"]) >= set(own)
    assert not set(model.recommend("u5", k=120)["item_id"]) & set(own)
    ranked = model.recommend("u5", k=120)["item_id"].to_list()
    some = [ranked[9], ranked[4], *own]
    assert model.recommend("u5", allow=some)["item_id"].to_list() == [ranked[4], ranked[9]]
    with_seen = model.recommend("u5", allow=some, exclude_seen=False, k=120)["item_id"].to_list()
    assert set(with_seen) == set(some)
    assert model.recommend("u5", k=2, deny=[ranked[0]])["item_id"].to_list() == ranked[1:3]
    both = model.recommend("u5", allow=ranked[:3], deny=ranked[1:2])["item_id"].to_list()
    assert both == [ranked[0], ranked[2]]
    assert len(model.recommend("u5", allow=[])) == 0
    assert model.recommend("u5", allow=ranked[7])["item_id"].to_list() == [ranked[7]]
    assert model.recommend("u5", k=1, deny=ranked[0])["item_id"].to_list() == ranked[1:2]
    full = model.recommend("u5", k=120)
    assert model.recommend("u5", k=120, deny=["unsold"], strict=False).equals(full)
    few = model.recommend("u5", allow=["unsold", ranked[7]], strict=False, exclude_seen=False)
    assert few["item_id"].to_list() == [ranked[7]]


def test_lists_are_short_where_items_are_left_out(model, small):
    known = sum(part.user_degree for part in small.parts.values())
    frame = model.recommend(["u0", "u1"], k=1000, exclude=EVERY_PART)
    for row in (0, 1):
        ranks = frame.filter(pl.col("user_id") == f"u{row}")["rank"].to_list()
        assert ranks == list(range(1, 120 - known[row] + 1))


@pytest.mark.parametrize("k", [0, -1, 2.5, "7", None, True])
def test_k_is_a_whole_number(model, k):
    with pytest.raises(SettingError, match=r"k: found .*; expected a whole number, 1 or more"):
        model.recommend(["u1"], k=k)
    with pytest.raises(SettingError, match="k: found"):
        model.similar_items(["i1"], k=k)
