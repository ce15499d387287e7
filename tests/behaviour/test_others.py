"""Beside another model: overlaps are those of the lists that users are served."""

from __future__ import annotations

import numpy as np
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


def test_the_other_draw_of_the_same_data_is_compared_by_the_lists_that_are_served(data):
    old, new = (
        Recommender("ease").fit(random_split(data, test=0.2, validation=0.1, seed=seed))
        for seed in (0, 1)
    )
    users = new.users.values.filter((new.train.user_degree > 0) & (old.train.user_degree > 0))
    assert value(check(new, other=old), "against") == pytest.approx(shared(old, new, users))


def test_what_is_never_shown_is_in_no_list_of_either(data):
    old, new = (Recommender("ease").fit(data) for _ in range(2))
    for model in (old, new):
        model.train.never = disliked(old, 100)
    assert value(check(new, other=old), "against") == 1.0
    new.train.never = disliked(new, 300)
    assert value(check(new, other=old), "against") == 1.0


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
