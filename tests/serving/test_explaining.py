"""What carried a recommendation: contributions add up to the score and are the scorer's own."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch

from fullrank import DataError, Interactions, Recommender, SettingError
from fullrank.data.order import Pairs
from fullrank.serving.blend_scorer import BlendPart, BlendScorer
from fullrank.serving.sgfcf_scorer import IndividualScorer

QUICK = {"dim": 8, "batch_size": 64, "epochs": 3}
METHODS = {
    "bpr": QUICK,
    "itemknn": {},
    "ease": {},
    "spectral": {"rank": 8},
    "allpass": {"rank": 8},
    "chebycf": {},
    "sgfcf": {},
    "ials": {"dim": 8},
}
EVERY = pytest.mark.parametrize("method", [*METHODS, "blend"])


@pytest.fixture(scope="module")
def models(small):
    made = {name: Recommender(name, **values).fit(small) for name, values in METHODS.items()}
    blend = Recommender("itemknn").fit(small)
    parts = [BlendPart(made[name].scorer, made[name]._fold_in) for name in ("bpr", "allpass")]
    blend._use(BlendScorer(small.train, parts, [0.7, 0.3]), blend._parts, blend._fold_in)
    return made | {"blend": blend}


def sums(frame):
    return frame.group_by("item_id", maintain_order=True).agg(
        pl.col("contribution").sum(), pl.col("score").first(), pl.col("share").abs().sum()
    )


@EVERY
def test_contributions_add_up_to_the_score(models, method):
    model = models[method]
    folded = model.fold_in({"new": ["i3", "i5", "i8"]})
    for one, user in ((model, "u7"), (model, "u100"), (folded, "new")):
        lists = one.recommend([user], 10)
        frame = one.explain(user, lists["item_id"])
        table = sums(frame)
        assert table["item_id"].equals(lists["item_id"])
        np.testing.assert_allclose(table["score"], lists["score"], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(table["contribution"], table["score"], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(table["share"], 1)
        row = one.users.rows([user])[0]
        own = one.train.item_idx[one.train.indptr[row] : one.train.indptr[row + 1]]
        named = frame.filter(pl.col("kind") == "history")
        assert set(named["because_item_id"]) == set(one.items.raw(own))
        parts = 2 if method == "blend" else 1
        assert len(named) == 10 * parts * len(own)
        rest = frame.filter(pl.col("kind") == "own row")
        embeds = method in ("bpr", "ials", "blend")
        assert (len(rest) > 0) is (embeds and one is model)
        if len(rest):
            assert np.abs(rest["share"]).max() > 1e-3


def test_a_folded_row_has_a_rest_once_its_user_has_a_new_item(models):
    folded = models["bpr"].fold_in({"new": ["i3", "i5", "i8"], "other": ["i1"]})
    assert set(folded.explain("new", ["i9"])["kind"]) == {"history"}
    wider = folded.fold_in_items({"fresh": ["new"]})
    assert set(wider.explain("new", ["i9"])["kind"]) == {"history", "own row"}
    np.testing.assert_allclose(
        sums(wider.explain("new", ["i9"]))["contribution"],
        sums(folded.explain("new", ["i9"]))["contribution"],
        rtol=1e-4,
    )


@pytest.mark.parametrize("method", ["itemknn", "ease", "spectral", "allpass", "chebycf"])
def test_a_contribution_is_the_score_of_that_item_alone_in_the_norm_of_the_user(models, method):
    """Whoever has item j alone scores by row j of the filter, up to the norm of a user."""
    model = models[method]
    n, items = len(model.items), model.items
    alone = Interactions._of(items, items, Pairs(np.arange(n + 1), np.arange(n, dtype=np.int32)))
    single = model.scorer.of(alone).scores(torch.arange(n)).double().numpy()
    lists = model.recommend(["u7"], 5)
    frame = model.explain("u7", lists["item_id"])
    at = items.rows(frame["because_item_id"]), items.rows(frame["item_id"])
    wanted = single[at]
    large = np.abs(wanted) > 1e-4 * np.abs(wanted).max()
    ratio = frame["contribution"].to_numpy()[large] / wanted[large]
    np.testing.assert_allclose(ratio, ratio[0], rtol=2e-2)
    if method in ("itemknn", "ease"):
        np.testing.assert_allclose(ratio[0], 1, rtol=1e-5)


def test_the_norms_of_sgfcf_are_the_whole_historys(models):
    scorer = models["sgfcf"].scorer
    assert isinstance(scorer, IndividualScorer)
    for user in (3, 50):
        added = scorer.by_history(user)
        torch.testing.assert_close(
            added.sum(dim=0), scorer.scores(torch.tensor([user]))[0], rtol=1e-4, atol=1e-6
        )


def test_embeddings_are_told_apart_by_the_map_of_fold_in(models):
    """By hand, an item at a time: the mean of unit rows, through W, against the item's row."""
    model = models["bpr"]
    row, item = 7, 11
    table = model.item_embeddings.double().numpy()
    matrix = model._fold_in.matrix(model.scorer, model.train).numpy()
    own = model.train.item_idx[model.train.indptr[row] : model.train.indptr[row + 1]]
    frame = model.explain("u7", ["i11"]).filter(pl.col("kind") == "history")
    got = dict(zip(frame["because_item_id"], frame["contribution"], strict=True))
    for each in own:
        unit = table[each] / np.linalg.norm(table[each])
        wanted = float(unit @ matrix @ table[item]) / len(own)
        assert got[f"i{each}"] == pytest.approx(wanted, rel=1e-5)


def test_the_largest_are_named_and_the_others_are_one_row(models):
    model = models["itemknn"]
    whole, few = (model.explain("u7", ["i0", "i9"], most=most) for most in (None, 2))
    np.testing.assert_allclose(sums(few)["contribution"], sums(whole)["contribution"])
    for item in ("i0", "i9"):
        mine, all_of_it = (f.filter(pl.col("item_id") == item) for f in (few, whole))
        assert mine["kind"].to_list() == ["history", "history", "others"]
        assert mine["because_item_id"][:2].equals(all_of_it["because_item_id"][:2])
        sizes = all_of_it["contribution"].abs()
        assert sizes.to_list() == sorted(sizes, reverse=True)
    assert few.columns == [
        "item_id", "title", "score", "part", "kind", "because_item_id", "because_title",
        "contribution", "share",
    ]  # fmt: skip


def test_the_popular_list_is_the_same_for_all(small):
    model = Recommender("popularity").fit(small)
    frame = model.explain("u7", ["i0", "i3"])
    assert frame["kind"].to_list() == ["popular", "popular"]
    assert frame["because_item_id"].null_count() == 2
    assert frame["contribution"].equals(frame["score"].cast(pl.Float64).rename("contribution"))
    few = small.train.select(np.flatnonzero(small.train.user_idx != 7))
    cold = Recommender("itemknn").fit(few)
    assert cold.explain("u7", ["i3"])["kind"].to_list() == ["popular"]


def test_what_cannot_be_explained(models):
    model = models["itemknn"]
    with pytest.raises(DataError, match="'nobody'"):
        model.explain("nobody", ["i1"])
    with pytest.raises(DataError, match="'zzz'"):
        model.explain("u1", ["zzz"])
    with pytest.raises(SettingError):
        model.explain("u1", ["i1"], most=0)
    assert model.explain("u1", []).is_empty()
