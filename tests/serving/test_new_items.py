"""Items that were not in training, from the users who have them."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import fullrank as fr
from fullrank import DataError, FitError, Interactions, Recommender


@pytest.fixture(scope="module")
def model() -> Recommender:
    rng = np.random.default_rng(0)
    likes = rng.random((80, 30)) < np.where(
        np.arange(80)[:, None] % 3 == np.arange(30) % 3, 0.7, 0.03
    )
    user, item = np.nonzero(likes)
    frame = pl.DataFrame({"user_id": [f"u{u}" for u in user], "item_id": [f"i{i}" for i in item]})
    return Recommender("bpr", dim=8, epochs=30, lr=10.0, batch_size=64, threads=1).fit(frame)


def of_group(group: int, count: int = 12) -> list[str]:
    return [f"u{u}" for u in range(group, 80, 3)][:count]


def test_a_new_item_goes_to_those_like_its_users(model):
    more = model.fold_in_items({"new-0": of_group(0), "new-1": of_group(1), "i3": of_group(2)})
    assert len(more.items) == 32
    assert more.items.values.to_list()[:30] == model.items.values.to_list()
    for group in (0, 1):
        others = [u for u in model.users.values.to_list() if u not in of_group(group)]
        places = more.recommend(others, k=32).filter(item_id=f"new-{group}")
        place = dict(places.select("user_id", "rank").rows())
        mine = [rank for user, rank in place.items() if int(user[1:]) % 3 == group]
        rest = [rank for user, rank in place.items() if int(user[1:]) % 3 != group]
        assert np.mean(mine) + 5 < np.mean(rest)
    assert "new-0" not in more.recommend(of_group(0), k=32).filter(user_id="u0")["item_id"]


def test_the_row_is_that_of_the_formula(model):
    own = of_group(0, 5)
    more = model.fold_in_items(pl.DataFrame({"user_id": own, "item_id": ["new"] * 5}))
    users, items = (table.double().numpy() for table in
                    (model.user_embeddings, model.item_embeddings))  # fmt: skip
    unit = users / np.linalg.norm(users, axis=1, keepdims=True)
    dense = model.train.csr().toarray()
    means = (dense.T @ unit) / dense.sum(axis=0)[:, None]
    square = means.T @ means
    ridge = 1e-2 * np.diag(square).mean() * np.eye(8)
    mapping = np.linalg.solve(square + ridge, means.T @ items)
    expected = unit[model.users.rows(own)].mean(axis=0) @ mapping
    np.testing.assert_allclose(more.item_embeddings[-1].numpy(), expected, atol=1e-5)


def test_everything_else_is_as_it_was(model, tmp_path):
    more = model.fold_in_items({"new": of_group(0)})
    assert more.user_embeddings.equal(model.user_embeddings)
    assert more.item_embeddings[:-1].equal(model.item_embeddings)
    assert len(more.train) == len(model.train) + 12
    more.save(tmp_path)
    loaded = Recommender.load(tmp_path)
    assert loaded.recommend(k=5).equals(more.recommend(k=5))
    assert loaded.training["items_folded_in"] == 1
    assert "new" in loaded.similar_items(["i0"], k=31)["similar_item_id"]
    guests = {"guest": ["i0", "new"]}
    assert len(loaded.fold_in(guests).recommend(k=3)) == 3


def test_attributes_come_along(model):
    titled = model.items.with_titles(pl.DataFrame({"id": ["i0"], "title": ["The first"]}))
    known = Interactions.from_rows(
        model.users, titled, model.train.user_idx, model.train.item_idx.astype(np.int64)
    )
    again = Recommender("bpr", dim=8, epochs=1).fit(known)
    more = again.fold_in_items({"new": of_group(0)})
    assert more.items.titles is not None
    assert more.items.titles.to_list() == [*titled.titles.to_list(), None]


def test_what_is_refused(model):
    with pytest.raises(DataError, match="users of the training data"):
        model.fold_in_items({"new": ["nobody"]})
    with pytest.raises(DataError, match="users of the training data"):
        model.fold_in_items({"i0": ["u0"]})
    ease = Recommender("ease").fit(model.train)
    with pytest.raises(FitError, match="without embeddings"):
        ease.fold_in_items({"new": ["u0"]})


def test_what_is_never_shown_stays_so(model):
    columns = fr.Columns(event="kind", event_weights={"like": 1.0, "hate": -1.0})
    frame = model.train.to_frame().with_columns(kind=pl.lit("like"))
    hated = model.recommend(["u0"], k=1)["item_id"][0]
    more = pl.DataFrame({"user_id": ["u0"], "item_id": [hated], "kind": ["hate"]})
    known = Interactions.from_frame(pl.concat([frame.select(more.columns), more]), columns=columns)
    again = Recommender("bpr", dim=8, epochs=1, threads=1).fit(known)
    wider = again.fold_in_items({"new": of_group(1)})
    for each in (again, wider):
        shown = each.recommend(["u0"], k=31)["item_id"].to_list()
        assert hated not in shown
    assert "new" in shown


def test_what_is_never_shown_of_a_new_item(model):
    columns = fr.Columns(event="kind", event_weights={"like": 1.0, "hate": -1.0})
    fans, foes = of_group(1), ["u0", "u3", "unknown"]
    frame = pl.DataFrame({"user_id": fans + foes, "item_id": "new"}).with_columns(
        kind=pl.Series(["like"] * len(fans) + ["hate"] * len(foes))
    )
    old = pl.DataFrame(
        {"user_id": ["u6", "u6"], "item_id": ["i1", "new"], "kind": ["hate", "like"]}
    )
    wider = model.fold_in_items(Interactions.from_frame(pl.concat([frame, old]), columns=columns))
    shown = wider.recommend(k=31).filter(item_id="new")["user_id"].to_list()
    assert set(shown) == set(model.users.values) - {*fans, *foes, "u6"}
    assert wider.train.never.to_frame().rows() == [("u0", "new"), ("u3", "new")]
    again = wider.fold_in_items(
        Interactions.from_frame(frame.with_columns(item_id=pl.lit("newer")), columns=columns)
    )
    assert len(again.train.never) == 4
