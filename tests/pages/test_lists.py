from __future__ import annotations

import numpy as np
import pytest

from fullrank.data import Interactions, Split
from fullrank.evaluation import evaluate
from fullrank.pages import lists
from fullrank.pages.lists import (
    Lists,
    by_history,
    by_popularity,
    lorenz,
    mass_groups,
    quantile_groups,
    users_of,
)
from fullrank.serving.cold import Trained


@pytest.fixture(scope="module")
def made(small, scorer_of):
    rng = np.random.default_rng(0)
    scorer = scorer_of(rng.normal(size=(small.train.n_users, small.train.n_items)))
    trained = Trained.of(small.train)
    parts = {"train": small.train, "validation": small.validation, "test": small.test}
    users = users_of(parts, trained)
    of = (trained, parts, users, 20)
    popular = Lists.of(trained.scorer(small.train.n_users), *of)
    return small, scorer, Lists.of(scorer, *of), popular


def own(part, row):
    return set(part.item_idx[part.indptr[row] : part.indptr[row + 1]].tolist())


def test_lists_are_those_of_the_evaluation(made):
    split, scorer, found, popular = made
    parts = {"train": split.train, "validation": split.validation}
    said = evaluate(scorer, split.test, k=20, metrics=("recall", "item_coverage"), **parts)
    assert found.users.tolist() == said.users.tolist()
    assert found.recall.tolist() == said.per_user("recall@20").tolist()
    assert (found.times > 0).mean() == said["item_coverage@20"]
    baseline = Trained.of(split.train).scorer(split.train.n_users)
    beside = evaluate(baseline, split.test, k=20, metrics=("recall",), **parts)
    assert popular.recall.tolist() == beside.per_user("recall@20").tolist()


def test_what_is_never_to_be_shown_is_in_no_list(made):
    split, scorer, found, _ = made
    parts = {"train": split.train.select(np.arange(len(split.train))), "test": split.test}
    first = found.items[:, 0].astype(np.int64)
    parts["train"].never = Interactions.from_rows(
        split.train.users, split.train.items, found.users, first
    )
    lists = Lists.of(scorer, Trained.of(split.train), parts, found.users, 20)
    assert not (lists.items == first[:, None]).any()
    said = evaluate(scorer, split.test, k=20, metrics=("recall",), train=parts["train"])
    assert lists.recall.tolist() == said.per_user("recall@20").tolist()


def test_recall_by_history_is_that_of_a_loop(made):
    split, _, found, popular = made
    groups = by_history(found, popular)
    degrees = split.train.user_degree[found.users]
    assert sum(group.size for group in groups) == len(found.users)
    for group in groups:
        low, _, high = group.label.partition(" to ")
        low, high = int(low), int(high or low)
        mine, its = [], []
        for at, row in enumerate(found.users):
            if low <= degrees[at] <= high:
                wanted = own(split.test, row)
                mine.append(len(wanted & set(found.items[at].tolist())) / len(wanted))
                its.append(len(wanted & set(popular.items[at].tolist())) / len(wanted))
        assert len(mine) == group.size
        assert group.recall == pytest.approx(np.mean(mine))
        assert group.popular == pytest.approx(np.mean(its))
        assert group.interval[0] <= group.recall <= group.interval[1]


def test_recall_by_popularity_is_that_of_a_loop(made):
    split, _, found, popular = made
    groups = by_popularity(found, popular)
    degrees = split.train.item_degree
    for group in groups:
        low, _, high = group.label.partition(" to ")
        inside = {i for i, d in enumerate(degrees) if int(low) <= d <= int(high or low)}
        pairs = hits = beside = 0
        for at, row in enumerate(found.users):
            wanted = own(split.test, row) & inside
            pairs += len(wanted)
            hits += len(wanted & set(found.items[at].tolist()))
            beside += len(wanted & set(popular.items[at].tolist()))
        assert len(inside) == group.size
        assert group.recall == pytest.approx(hits / pairs)
        assert group.popular == pytest.approx(beside / pairs)
    assert groups[-1].popular > groups[0].popular == 0


def test_groups_of_users_are_of_like_size():
    size = np.random.default_rng(0).geometric(0.05, size=1000)
    groups = quantile_groups(size, 5)
    assert np.bincount(groups).min() > 150
    assert (np.diff(groups[np.argsort(size, kind="stable")]) >= 0).all()
    for value in np.unique(size):
        assert len(set(groups[size == value])) == 1
    assert quantile_groups(np.array([3, 3, 3]), 5).tolist() == [0, 0, 0]
    assert quantile_groups(np.array([], dtype=int), 5).tolist() == []


def test_groups_of_items_share_the_interactions_out():
    size = np.random.default_rng(0).pareto(1.2, size=5000).astype(int) + 1
    groups = mass_groups(size, 5)
    mass = np.bincount(groups, weights=size) / size.sum()
    assert mass == pytest.approx([0.2] * 5, abs=0.09)
    assert np.bincount(groups)[0] > np.bincount(groups)[-1]
    for value in np.unique(size)[:20]:
        assert len(set(groups[size == value])) == 1


def test_the_lorenz_curve():
    share, slots = lorenz(np.array([0, 0, 1, 3]), points=5)
    assert share == [0, 0.25, 0.5, 0.75, 1]
    assert slots == pytest.approx([0, 0, 0, 0.25, 1])
    assert lorenz(np.full(10, 7), points=5)[1] == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    assert lorenz(np.zeros(3), points=3)[1] == [0, 0, 0]


def test_of_many_users_a_sample_is_looked_at(made, monkeypatch):
    split, *_ = made
    monkeypatch.setattr(lists, "FEWEST", 10)
    monkeypatch.setattr(lists, "MOST", 30)
    parts = {"train": split.train, "test": split.test}
    rows = users_of(parts, Trained.of(split.train))
    assert len(rows) == 30
    assert (np.diff(rows) > 0).all()
    assert (split.test.user_degree[rows] > 0).all()
    assert rows.tolist() == users_of(parts, Trained.of(split.train)).tolist()
    monkeypatch.setattr(lists, "SCORES", 20 * split.train.n_items)
    assert len(users_of(parts, Trained.of(split.train))) == 20


def test_without_a_held_out_part_everybody_trained_has_a_list(made, scorer_of):
    split, scorer, *_ = made
    trained = Trained.of(split.train)
    alone = Split("alone", split.train, None, None)
    parts = {"train": alone.train}
    rows = users_of(parts, trained)
    assert rows.tolist() == np.flatnonzero(split.train.user_degree).tolist()
    found = Lists.of(scorer, trained, parts, rows, 20)
    assert not found.hits.any()
    assert np.isnan(found.recall).all()
    assert by_popularity(found, found) == []
