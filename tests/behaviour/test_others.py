"""Beside another model: overlaps are those of the lists that users are served."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import fullrank as fr
from fullrank import Interactions, Recommender
from fullrank.behaviour import check
from fullrank.data.splits import random_split

SERVED = ("train", "validation", "test")


@pytest.fixture(scope="module")
def data() -> Interactions:
    split = fr.load("demo")
    return Interactions.from_frame(split.train.to_frame())


def shared(one, other, users) -> float:
    """Mean share of the lists of ``one`` that are in those of ``other``."""
    lists = [model.recommend(users, 10, exclude=SERVED).rows() for model in (one, other)]
    own, beside = ({(user, item) for user, item, *_ in rows} for rows in lists)
    return len(own & beside) / len(own)


def disliked(model, count: int) -> Interactions:
    """For each user the first of the model's list: as with a negative event."""
    first = model.recommend(k=1, exclude=SERVED)[:count]
    rows = (ids.rows(first[name]) for ids, name in
            ((model.users, "user_id"), (model.items, "item_id")))  # fmt: skip
    return Interactions.from_rows(model.users, model.items, *rows)


def value(found, name: str) -> float:
    return next(each.value for each in found if each.name == name)


@pytest.mark.slow
def test_the_other_draw_of_the_same_data_is_compared_by_the_lists_that_are_served(data):
    old, new = (
        Recommender("ease").fit(random_split(data, test=0.2, validation=0.1, seed=seed))
        for seed in (0, 1)
    )
    users = new.users.values.filter((new.train.user_degree > 0) & (old.train.user_degree > 0))
    assert value(check(new, other=old), "against") == pytest.approx(shared(old, new, users))


@pytest.mark.slow
def test_what_is_never_shown_is_in_no_list_of_either(data):
    old, new = (Recommender("ease").fit(data) for _ in range(2))
    for model in (old, new):
        model.train.never = disliked(old, 100)
    assert value(check(new, other=old), "against") == 1.0
    new.train.never = disliked(new, 300)
    assert value(check(new, other=old), "against") == 1.0


@pytest.mark.slow
def test_items_that_are_gone_are_no_longer_in_lists(data):
    old = Recommender("ease").fit(data)
    first = old.recommend(k=1, exclude=SERVED)["item_id"].unique().to_list()
    kept = data.to_frame().filter(~pl.col("item_id").is_in(first))
    new = Recommender("ease").fit(kept)
    users = new.users.values
    assert value(check(new, other=old), "against") == pytest.approx(shared(old, new, users))
    other = kept.with_columns(item_id=pl.lit("other ") + pl.col("item_id"))
    assert value(check(Recommender("ease").fit(other), other=old), "against") == 0.0


@pytest.mark.slow
def test_another_seed_of_a_model_of_everything_has_the_epochs_that_were_chosen(data):
    split = random_split(data, test=0.2, validation=0.2, seed=0)
    settings = {"lr": 60.0, "batch_size": 256, "validate_every": 1, "dim": 16}
    model = Recommender("bpr", epochs=12, **settings, threads=1).fit(split)
    best = model.training["best_epoch"]
    assert best < 12
    model.refit()
    again = Recommender("bpr", epochs=best, seed=1, **settings, threads=1).fit(model.train)
    users = model.users.values.filter(model.train.user_degree > 0)
    found = value(check(model, seeds=True, users=10**6), "another_seed")
    assert found == pytest.approx(shared(model, again, users), abs=1e-3)
    assert np.isfinite(found)


def test_figures_that_lists_cannot_hold_are_not_measured():
    """Users who have had everything get no list, and few users cannot be shown most items."""
    everything = [(user, item) for user in range(30) for item in range(25)]
    model = Recommender("itemknn").fit(
        pl.DataFrame(everything, ["user_id", "item_id"], orient="row")
    )
    found = {each.name: each for each in check(model, other=model, seeds=True)}
    for name in ("one_item_less", "against", "another_seed", "never_shown"):
        assert found[name].value is None, name
        assert found[name].passed is None
    rows = [(user, 50 * user + item) for user in range(40) for item in range(60)]
    few = Recommender("itemknn").fit(pl.DataFrame(rows, ["user_id", "item_id"], orient="row"))
    never = {each.name: each for each in check(few)}["never_shown"]
    assert never.value is None
    assert "too few to say what is shown of 2,010 items" in never.reason


@pytest.mark.slow
def test_a_smaller_sample_says_the_same_of_what_is_never_shown(data):
    model = Recommender("ease").fit(data)
    assert value(check(model, users=100), "never_shown") == value(check(model), "never_shown")
