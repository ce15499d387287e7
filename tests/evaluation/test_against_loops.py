"""All metrics of all protocols, against loops over users and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from three_parts import split

from fullrank.data import Ids, Interactions
from fullrank.evaluation import PROTOCOLS, evaluate
from fullrank.evaluation.ties import tie_order
from fullrank.serving import DotScorer

OF_USERS = ["recall", "recall_capped", "ndcg", "precision", "hit_rate", "mrr", "map"]
OF_LISTS = ["item_coverage", "gini", "mean_popularity"]


def naive_user(ranked: list[int], wanted: set[int], k: int) -> dict[str, float]:
    """All metrics of one user, in loops; ``ranked`` may hold more or fewer than ``k`` items."""
    hits = reciprocal = gain = precisions = 0.0
    for rank, item in enumerate(ranked, start=1):
        if item in wanted:
            hits += 1
            reciprocal = reciprocal or 1 / rank
            gain += 1 / math.log2(rank + 1)
            precisions += hits / rank
    ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(k, len(wanted)) + 1))
    return {
        "recall": hits / len(wanted),
        "recall_capped": hits / min(k, len(wanted)),
        "ndcg": gain / ideal,
        "precision": hits / k,
        "hit_rate": float(hits > 0),
        "mrr": reciprocal,
        "map": precisions / min(k, len(wanted)),
    }


def naive_lists(lists: list[list[int]], degree: list[int]) -> dict[str, float]:
    shown = [item for each in lists for item in each]
    counts = [shown.count(item) for item in range(len(degree))]
    gaps = sum(abs(a - b) for a in counts for b in counts)
    return {
        "item_coverage": len(set(shown)) / len(degree),
        "gini": gaps / (2 * len(degree) * len(shown)) if shown else 0.0,
        "mean_popularity": sum(degree[i] for i in shown) / len(shown) if shown else 0.0,
    }


@pytest.mark.parametrize("protocol", ["standard", "published"])
@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_users=st.integers(1, 12),
    n_items=st.integers(12, 60),
    density=st.floats(0.01, 0.33),
    with_validation=st.booleans(),
)
def test_equals_loops_over_users(
    interactions_of, best_of, protocol, seed, n_users, n_items, density, with_validation
):
    rng = np.random.default_rng(seed)
    train, validation, test = split(rng, n_users, n_items, density)
    users = torch.from_numpy(rng.integers(-2, 3, (n_users, 3))).float()
    items = torch.from_numpy(rng.integers(-2, 3, (n_items, 3))).float()
    cutoffs = (1, 5, 10, 12)
    result = evaluate(
        DotScorer(users, items),
        interactions_of(test),
        train=interactions_of(train),
        validation=interactions_of(validation) if with_validation else None,
        k=cutoffs,
        protocol=protocol,
    )
    masked = train | validation if with_validation and protocol == "standard" else train
    tested = [row for row in range(n_users) if test[row].any()]
    rows = [row for row in tested if train[row].any() or protocol == "published"]
    assert result.users.tolist() == rows
    assert result.protocol["untrained_users"] == len(tested) - len(rows)
    if protocol == "standard":
        masked = masked | (train.sum(axis=0) == 0)
    drawn = np.argsort(tie_order(n_items))  # column of each place: equal scores go by place
    lists = best_of((users @ items.T).numpy()[:, drawn], masked[:, drawn], n_items)
    lists = [[int(drawn[place]) for place in lists[row] if place >= 0] for row in rows]
    scores = (users @ items.T).numpy()
    for k in cutoffs:
        deep = 11 if protocol == "published" and k == 10 else k
        tied = [
            len(each) > deep and scores[row][each[deep - 1]] == scores[row][each[deep]]
            for row, each in zip(rows, lists, strict=True)
        ]
        share = result.protocol["ties"]["users_tied_at_cutoff"][f"@{k}"]
        assert share == pytest.approx(np.mean(tied))
    for k in cutoffs:
        depth = 11 if protocol == "published" and k == 10 else k
        cut = [each[:depth] for each in lists]
        of_users = [
            naive_user(each, set(np.flatnonzero(test[row])), k)
            for each, row in zip(cut, rows, strict=True)
        ]
        expected = {name: [each[name] for each in of_users] for name in OF_USERS}
        if protocol == "published":
            expected = {"recall": expected["recall_capped"], "ndcg": expected["ndcg"]}
        for name, values in expected.items():
            figures = result.per_user(f"{name}@{k}")
            assert figures.dtype == np.float64
            np.testing.assert_allclose(figures, values, rtol=1e-13, err_msg=name)
            assert result[f"{name}@{k}"] == pytest.approx(np.mean(values), rel=1e-12)
        if protocol == "standard":
            of_lists = naive_lists(cut, train.sum(axis=0).tolist())
            for name, value in of_lists.items():
                assert result[f"{name}@{k}"] == pytest.approx(value, rel=1e-12, abs=1e-15), name
    expected_names = OF_USERS + OF_LISTS if protocol == "standard" else ["recall", "ndcg"]
    assert set(result) == {f"{name}@{k}" for name in expected_names for k in cutoffs}


def test_by_hand(scorer_of, interactions_of):
    """Items in the order 0 1 2 3 4; user 0 has trained on item 0, user 1 on item 3."""
    scorer = scorer_of([[5, 4, 3, 2, 1], [5, 4, 3, 2, 1], [0, 0, 0, 0, 0]])
    train = interactions_of([[1, 0, 0, 0, 0], [0, 0, 0, 1, 0], [0, 1, 1, 1, 1]])
    test = interactions_of([[0, 0, 1, 0, 0], [1, 1, 0, 0, 1], [0, 0, 0, 0, 0]])
    result = evaluate(scorer, test, train=train, k=2)
    np.testing.assert_allclose(result.per_user("recall@2"), [1, 2 / 3])
    np.testing.assert_allclose(result.per_user("recall_capped@2"), [1, 1])
    np.testing.assert_allclose(result.per_user("ndcg@2"), [1 / math.log2(3), 1])
    np.testing.assert_allclose(result.per_user("mrr@2"), [1 / 2, 1])
    assert result["recall@2"] == pytest.approx(5 / 6)
    assert result["item_coverage@2"] == 3 / 5  # lists: 1 2 and 0 1
    assert result["mean_popularity@2"] == 1  # items 0, 1 and 2 have one training user each
    assert result.protocol["users_evaluated"] == 2
    assert result.protocol["users_left_out"] == 1


def test_published_ten_counts_eleven_ranks_and_masks_training_only(scorer_of, interactions_of):
    scores = np.tile(np.arange(40.0)[::-1], (2, 1))
    train, validation, test = np.zeros((3, 2, 40))
    train[0, 0] = train[1] = validation[0, 1] = 1
    test[0, [11, 20, 30]] = 1  # rank 11 once item 0 is masked, rank 10 once item 1 is as well
    scorer, (train, validation, test) = (
        scorer_of(scores),
        map(interactions_of, (train, validation, test)),
    )
    parts = {"train": train, "validation": validation}
    published = evaluate(scorer, test, **parts, protocol="published")
    assert published["recall@10"] == pytest.approx(1 / 3)
    ideal = 1 + 1 / math.log2(3) + 1 / 2
    assert published["ndcg@10"] == pytest.approx(1 / math.log2(12) / ideal)
    assert published["recall@20"] == pytest.approx(2 / 3)
    assert published.protocol["masked"] == ["train"]
    assert "first 11 ranks" in published.protocol["metrics"]["recall@10"]
    assert "min(10, |test items|)" in published.protocol["metrics"]["recall@10"]
    assert "first 20 ranks" in published.protocol["metrics"]["ndcg@20"]
    assert evaluate(scorer, test, train=train)["recall@10"] == 0
    standard = evaluate(scorer, test, **parts)
    assert standard["ndcg@10"] == pytest.approx(1 / math.log2(11) / ideal)
    assert standard.protocol["masked"] == ["train", "validation"]


def test_published_counts_a_repeated_test_pair_as_often_as_the_data_have_it(scorer_of):
    """User 0 has test rows 1, 1, 2 and a list of item 1 alone; user 1 none that are repeated."""
    users, items = Ids.numbered(2), Ids.numbered(4)
    train = Interactions.from_rows(users, items, [0, 1, 1, 1], [0, 0, 1, 2])
    test = Interactions.from_rows(users, items, [0, 0, 0, 1], [1, 1, 2, 3])
    scorer = scorer_of([[0, 3, 1, 2], [0, 0, 0, 1]])
    published = evaluate(scorer, test, train=train, k=3, protocol="published")
    assert published.per_user("recall@3").tolist() == pytest.approx([2 / 3, 1])
    ideal = sum(1 / math.log2(rank + 1) for rank in (1, 2, 3))
    found = 1 + 1 / math.log2(4)
    assert published.per_user("ndcg@3").tolist() == pytest.approx([found / ideal, 1])
    assert (published.protocol["test_pairs"], published.protocol["test_rows"]) == (3, 4)
    standard = evaluate(scorer, test, train=train, k=3)
    assert standard.per_user("recall_capped@3")[0] == 1


@pytest.mark.parametrize("protocol", ["standard", "published"])
def test_order_of_users_does_not_matter(case, protocol):
    scorer, train, validation, test = case
    parts = {"train": train, "validation": validation, "protocol": protocol}
    order = np.random.default_rng(1).permutation(30)
    straight, shuffled = (evaluate(scorer, test, **parts, users=each) for each in (None, order))
    assert shuffled.users.tolist() == [row for row in order if test.user_degree[row]]
    back = np.argsort(shuffled.users)
    for name in straight:
        assert shuffled[name] == pytest.approx(straight[name], rel=1e-12)
        if name.split("@")[0] not in OF_LISTS:
            np.testing.assert_array_equal(shuffled.per_user(name)[back], straight.per_user(name))


def test_every_definition_names_its_ranks():
    for name, protocol in PROTOCOLS.items():
        assert protocol.name == name
        for metric in protocol.metrics.values():
            assert "{depth}" in metric.definition
