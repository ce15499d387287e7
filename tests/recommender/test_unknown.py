"""Users and items that the model was not trained on, and ids that it does not know."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from recommending import QUICK, best

import fullrank as fr
from fullrank import DataError, Ids, Interactions, Recommender


@pytest.fixture
def late(small) -> Recommender:
    """Fitted without the pairs of user 3 and item 7, which are held out."""
    train = small.train
    gone = (train.user_idx == 3) | (train.item_idx == 7)
    split = fr.Split("late", train.select(~gone), None, train.select(gone))
    return Recommender(**QUICK).fit(split)


def test_untrained_items_are_recommended_to_nobody_unless_asked(late):
    assert "i7" not in set(late.recommend(k=120)["item_id"])
    assert "i7" in set(late.recommend(k=120, include_untrained=True)["item_id"])
    assert len(late.recommend("u1", allow=["i7"])) == 0
    assert "i7" not in set(late.similar_items(["i3"], k=120)["similar_item_id"])
    assert len(late.similar_items(["i7"])) == 0
    folded = late.fold_in({"new": ["i1", "i2"]})
    assert "i7" not in set(folded.recommend(k=120)["item_id"])


def test_untrained_and_unknown_users_get_the_popular_list(late, tmp_path):
    degree = late.train.item_degree
    wanted = [f"i{row}" for row in np.argsort(-degree, kind="stable")[:5]]
    frame = late.recommend(["u1", "u3", "nobody"], k=5, strict=False)
    assert frame["user_id"].to_list() == ["u1"] * 5 + ["u3"] * 5 + ["nobody"] * 5
    assert frame["source"].to_list() == ["model"] * 5 + ["popular"] * 10
    assert best(frame, "u3") == best(frame, "nobody") == wanted
    assert frame["score"][-5:].to_list() == np.sort(degree)[::-1][:5].tolist()
    assert "source" not in late.recommend(["u1"]).columns
    assert late.recommend("u1", source=True)["source"].unique().to_list() == ["model"]
    late.save(tmp_path / "m")
    again = Recommender.load(tmp_path / "m").recommend(["u1", "u3", "nobody"], k=5, strict=False)
    assert again.equals(frame)
    denied = late.recommend(["nobody"], k=5, strict=False, deny=[wanted[0], "unsold"])
    assert best(denied, "nobody")[:4] == wanted[1:]


def test_newcomers_without_a_known_item_get_the_popular_list(late, tmp_path):
    given = {"new": ["i1", "unheard"], "lost": ["unheard"], "empty": []}
    for wrong, name in ((given, "lost"), ({"new": ["i1"], "empty": []}, "empty")):
        with pytest.raises(DataError, match=f"user '{name}': found no item that the model knows"):
            late.fold_in(wrong)
    assert late.fold_in({"new": ["i0", "unheard"]}).train.item_idx.tolist() == [0]
    folded = late.fold_in(given, strict=False)
    frame = folded.recommend(["new", "lost", "empty"], k=4)
    assert frame["source"].to_list() == ["model"] * 4 + ["popular"] * 8
    assert best(frame, "lost") == best(late.recommend("u3", k=4), "u3")
    alone = late.fold_in({"new": ["i1"]}).recommend(k=4)
    assert best(frame, "new") == best(alone, "new")
    folded.save(tmp_path / "m")
    again = Recommender.load(tmp_path / "m")
    assert again.recommend(["new", "lost", "empty"], k=4).equals(frame)
    assert late.fold_in({"empty": []}, strict=False).recommend(k=4)["source"][0] == "popular"


def test_what_the_model_does_not_know_is_counted(model, small):
    """Of six users, two are unknown and have pairs, one is unknown and has none."""
    users = Ids(pl.Series(["u1", "u2", "u3", "stranger", "guest", "nobody"]))
    items = Ids(pl.Series(["i1", "i2", "unheard"]))
    test = Interactions.from_rows(users, items, [0, 1, 1, 2, 3, 3, 4], [0, 0, 2, 1, 0, 2, 1])
    block = model.evaluate(test).protocol
    assert block["unknown_pairs_left_out"] == 4
    assert block["unknown_users_left_out"] == 2
    assert block["test_pairs"] == 3


def test_unknown_ids_of_another_type_are_shown_as_text(checkerboard):
    frame = pl.DataFrame({"user_id": [1, 1, 2], "item_id": [5, 6, 5]})
    model = Recommender("popularity").fit(frame)
    assert model.recommend([2, 9], strict=False)["user_id"].to_list() == [2, 9, 9]
    assert model.recommend([2, "x"], strict=False)["user_id"].to_list() == ["2", "x", "x"]


def test_what_is_unknown_is_named(model):
    with pytest.raises(DataError, match=r"user: found the unknown id 'zz' and 1 more.*fold_in"):
        model.recommend(["u1", "zz", "yy"])
    with pytest.raises(DataError, match="user: found the unknown id 'zz';"):
        model.recommend(np.array(["zz"]))
    with pytest.raises(DataError, match="user: found the unknown id 7;"):
        model.recommend(np.int64(7))
    with pytest.raises(DataError, match="denied items: found the unknown id 'nope'"):
        model.recommend(["u1"], deny=["nope"])
    with pytest.raises(DataError, match="allowed items: found the unknown id 'nope'"):
        model.recommend(["u1"], allow=["i1", "nope"])
    with pytest.raises(DataError, match="item: found the unknown id 'nope'"):
        model.similar_items(["nope"])


def test_ids_stay_what_they_were():
    frame = pd.DataFrame({"user_id": ["007", "7", "08"] * 4, "item_id": [1, 2, 3, 40] * 3})
    model = Recommender(dim=2, batch_size=4, epochs=1).fit(frame)
    ranked = model.recommend(["007", "7"], k=2, exclude_seen=False)
    assert ranked["user_id"].to_list() == ["007", "007", "7", "7"]
    assert ranked["item_id"].dtype == pl.Int64
    assert model.recommend([7], k=1, exclude_seen=False)["user_id"].to_list() == ["7"]
    with pytest.raises(DataError, match="'8'"):
        model.recommend(["8"])
    assert model.similar_items([40], k=9)["similar_item_id"].sort().to_list() == [1, 2, 3]
    assert model.similar_items(40, k=9).equals(model.similar_items(["40"], k=9))
    assert model.recommend("7", allow=[40], exclude_seen=False)["item_id"].to_list() == [40]
    with pytest.raises(DataError, match="'040'"):
        model.similar_items(["040"])


def test_pairs_of_foreign_ids_are_counted_and_left_out(model, small):
    ours = model.evaluate()
    strange = pl.DataFrame({"user_id": ["new", "u1"], "item_id": ["i1", "unheard"]})
    frame = pl.concat([small.test.to_frame(), strange])
    for form in (frame, frame.to_pandas(), Interactions.from_frame(frame)):
        foreign = model.evaluate(form)
        assert foreign.protocol["unknown_pairs_left_out"] == 2
        assert dict(foreign) == dict(ours)
    with pytest.raises(DataError, match="2 pairs, none of a user and an item that the model know"):
        model.evaluate(pl.DataFrame({"user_id": [1, 2], "item_id": [3, 4]}))
