"""Pages of models whose data have no test, one item, guests, or other cutoffs."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from parsed import check

import fullrank
from fullrank import Recommender
from fullrank.data import Ids, Interactions, Split
from fullrank.evaluation import evaluate
from fullrank.pages.course import search_table
from fullrank.pages.lists import Lists
from fullrank.pages.model import in_python, values_of
from fullrank.pages.render import page
from fullrank.portfolio import Blend
from fullrank.serving.scorers import DotScorer


def split_of(train, test, users, items):
    parts = [
        Interactions.from_rows(users, items, *np.array(pairs, dtype=np.int64).reshape(-1, 2).T)
        for pairs in (train, test)
    ]
    return Split("odd", parts[0], None, parts[1])


def ids(n, start):
    return Ids(pl.Series([f"{start}{at}" for at in range(n)]))


@pytest.mark.parametrize("method", ["popularity", "ease"])
def test_a_test_part_without_pairs_has_no_figures(method):
    split = split_of([(user, 0) for user in range(6)], [], ids(6, "u"), ids(1, "i"))
    values = values_of(Recommender(method).fit(split))
    assert "was not evaluated" in values["verdict"]
    check(page("model.html", values))


def test_the_popular_list_is_not_compared_with_itself(small):
    model = Recommender("popularity").fit(small)
    model.metrics = model.evaluate().to_dict()
    values = values_of(model)
    assert "Both find as much for each user." in values["verdict"]
    assert "not certain" not in page("model.html", values)


def test_the_verdict_is_of_the_cutoff_that_it_names():
    """For each user the popular item is right at 1; the model has all at 2, so that is certain."""
    n = 40
    train = [(user, item) for user in range(n) for item in ((2, 3) if user % 2 else (4, 5))]
    train += [(user, 0) for user in range(n, n + 60)] + [(n, 1)]
    test = [(user, item) for user in range(n) for item in (0, 1)]
    split = split_of(train, test, ids(n + 60, "u"), ids(12, "i"))

    def better(k):
        model = Recommender("popularity").fit(split)
        model.metrics = model.evaluate(k=(k,)).to_dict()
        items = model.scorer.item_table.clone()
        items[1] = 30.0  # above all but the most popular one
        scorer = DotScorer(model.scorer.user_table, items)
        model._use(scorer, model._parts, model._fold_in)
        found = values_of(model)
        assert f"The first {k} suggestions" in found["verdict"]
        return found["accuracy"]["better"], found["accuracy"]["alike"]

    assert better(1) == (None, True)
    assert better(2) == (True, False)


def test_longer_lists_begin_with_the_shorter(small):
    model = Recommender("ease").fit(small)
    rows = np.flatnonzero(small.test.user_degree)
    long, short = (Lists.of(model.scorer, model._trained, model._parts, rows, k) for k in (50, 10))
    np.testing.assert_array_equal(long.first(10).items, short.items)
    np.testing.assert_array_equal(long.first(10).recall, short.recall)
    figures = evaluate(model.scorer, small.test, train=small.train,
                       validation=small.validation, k=(10,), metrics=("recall",))  # fmt: skip
    assert long.first(10).recall.mean() == pytest.approx(figures["recall@10"])


@pytest.mark.parametrize("method", ["ease", "ials"])
def test_guests_are_shown_the_catalogue_of_the_model(small, method):
    settings = {"dim": 8, "regularization": 0.01} if method == "ials" else {}
    model = Recommender(method, **settings).fit(small)
    guests = model.fold_in({"new": small.train.items.values.to_list()[:3]})
    found = values_of(guests)["served"]
    assert found.trained == int((small.train.item_degree > 0).sum())
    assert found.shown == found.length == 20
    assert found.coverage == 20 / found.trained


def test_what_makes_a_blend_in_python_does(small):
    parts = (
        {"method": "ease", "settings": {"ridge": 3.0}, "weight": 0.75},
        {"method": "itemknn", "settings": {}, "weight": 0.25},
    )
    model = Recommender(Blend(parts=parts)).fit(small)
    again = eval(in_python(model), {"fullrank": fullrank})  # our own words
    assert again.fit(small).recommend(k=5).equals(model.recommend(k=5))


def test_names_from_right_to_left_turn_nothing_beside_them(small):
    titles = Ids(small.train.items.values, pl.Series(["\u202eשלום"] * small.train.n_items))
    train = Interactions.from_rows(
        small.train.users, titles, small.train.user_idx, small.train.item_idx
    )
    root = check(
        page("model.html", values_of(Recommender("ease").fit(Split("x", train, None, None))))
    )
    [person, *_] = root.all("article")
    assert {each.text for each in person.all("bdi")[1:]} == {"\u202eשלום"}
    assert len(person.all("bdi")) == 1 + len(person.all("li"))


def test_who_has_every_item_has_no_list():
    """Only the held-out item is left for the one user, and it was not trained."""
    split = split_of([(0, item) for item in range(4)], [(0, 4)], ids(1, "u"), ids(5, "i"))
    found = values_of(Recommender("ease").fit(split))["served"]
    assert found.exposure.title == "No item is in a list: these users have all of them"
    assert not any("By popularity" in each.title for each in found.charts)


def test_what_later_trials_of_a_search_add_has_a_column():
    first = {"alpha": 0.5, "epochs": 4, "validation_ndcg@20": 0.2}
    later = {"alpha": 0.5, "shrink": 0.02, "epochs": 1, "validation_ndcg@20": 0.3}
    head, rows, _ = search_table({"search": [first, later]})
    assert head[:2] == ["alpha", "shrink"]
    assert [row[:2] for row in rows] == [["0.5", "0.02"], ["0.5", "–"]]
