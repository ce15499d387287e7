"""What is masked and left out of a list, and which of equal scores end it."""

from __future__ import annotations

import numpy as np
import pytest

from fullrank.errors import DataError
from fullrank.evaluation import evaluate
from fullrank.evaluation.ties import fair_top_k, tie_order


def test_a_masked_test_item_counts_as_one_to_be_found(scorer_of, interactions_of):
    train = interactions_of([[1, 0, 0], [0, 1, 1]])
    test = interactions_of([[1, 1, 0], [0, 0, 0]])
    result = evaluate(scorer_of([[3, 2, 1]] * 2), test, train=train, k=1)
    assert result["recall@1"] == 1 / 2
    assert result.protocol["test_pairs_masked"] == 1
    assert result.protocol["test_pairs"] == 2


def test_a_test_pair_is_masked_by_any_part(scorer_of, interactions_of):
    train = interactions_of([[1, 0, 0, 0]])
    validation = interactions_of([[0, 1, 0, 0]])
    test = interactions_of([[1, 1, 1, 1]])
    options = {"train": train, "validation": validation, "k": 1, "protocol": "standard"}
    result = evaluate(scorer_of([[4, 3, 2, 1]]), test, **options)
    assert result.protocol["test_pairs_masked"] == 2
    assert result.protocol["test_pairs"] == 4


def test_a_validation_part_that_is_evaluated_is_not_masked(scorer_of, interactions_of):
    train = interactions_of([[1, 0, 0, 0], [0, 1, 1, 1]])
    validation = interactions_of([[0, 1, 1, 0], [0, 0, 0, 0]])
    options = {"train": train, "validation": validation, "k": 1}
    scorer = scorer_of([[4, 3, 2, 1]] * 2)
    with pytest.warns(UserWarning, match="each of the 2 test pairs is in the validation part"):
        result = evaluate(scorer, validation, **options)
    assert result["recall@1"] == 1 / 2
    assert result.protocol["masked"] == ["train"]
    beside = evaluate(scorer, interactions_of([[0, 1, 0, 1], [0, 0, 0, 0]]), **options)
    assert beside.protocol["test_pairs_masked"] == 1
    assert beside.protocol["masked"] == ["train", "validation"]


def test_all_zeros_are_said_where_the_test_is_the_training(scorer_of, interactions_of):
    train = interactions_of(np.eye(3))
    with pytest.warns(UserWarning, match="each of the 3 test pairs is in train too"):
        result = evaluate(scorer_of(np.eye(3)), train, train=train, k=1)
    assert result["recall@1"] == 0
    assert result.protocol["test_pairs_masked"] == result.protocol["test_pairs"] == 3


def test_untrained_users_and_items(scorer_of, interactions_of):
    """User 2 and item 3 have no training pairs; the scorer likes item 3 best, then item 2."""
    scorer = scorer_of([[1, 2, 3, 9]] * 3)
    train = interactions_of([[1, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]])
    test = interactions_of([[0, 0, 1, 1], [0, 1, 0, 0], [1, 0, 0, 1]])
    warm = evaluate(scorer, test, train=train, k=1)
    assert warm.users.tolist() == [0, 1]
    np.testing.assert_allclose(warm.per_user("recall@1"), [1 / 2, 1])
    assert warm["item_coverage@1"] == 2 / 4
    counts = {"untrained_users": 1, "untrained_items": 1, "test_pairs_of_untrained_items": 2}
    assert counts.items() <= warm.protocol.items()
    assert warm.protocol["untrained_users_evaluated"] == 0
    both = evaluate(scorer, test, train=train, k=1, include_cold=True)
    assert both.users.tolist() == [0, 1, 2]
    np.testing.assert_allclose(both.per_user("recall@1"), [1 / 2, 1, 1 / 2])  # item 0 is popular
    assert both.protocol["untrained_users_evaluated"] == 1
    published = evaluate(scorer, test, train=train, k=1, protocol="published")
    np.testing.assert_allclose(published.per_user("recall@1"), [1, 0, 1])
    nobody = test.select(test.user_idx == 2)
    with pytest.raises(DataError, match="1 users with test items, none with training interactions"):
        evaluate(scorer, nobody, train=train, k=1)


def test_a_constant_scorer_gains_nothing_from_sorted_rows(scorer_of, interactions_of):
    """All test items are in the first ten rows: by row number every list would be right."""
    train, test = np.zeros((2, 400, 300))
    train[0], train[1:, -1], test[1:, :10] = 1, 1, 1
    scorer = scorer_of(np.zeros((400, 300)))
    result = evaluate(scorer, interactions_of(test), train=interactions_of(train), k=10)
    assert result["recall@10"] <= 0.2  # 0.03 by chance
    ties = {"order": "random", "seed": 0, "users_tied_at_cutoff": {"@10": 1.0}}
    assert result.protocol["ties"] == ties
    untied = scorer_of(np.tile(np.arange(300.0)[::-1], (400, 1)))
    result = evaluate(untied, interactions_of(test), train=interactions_of(train), k=10)
    assert result["recall@10"] == 1
    assert result.protocol["ties"]["users_tied_at_cutoff"] == {"@10": 0.0}


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_a_list_ends_by_chance_within_a_tie(scorer_of, k):
    """One item is best, the others are alike: who comes next is drawn, and not the first rows."""
    scorer = scorer_of([[1.0] * 7 + [2.0]])
    found = fair_top_k(scorer, np.array([0]), k)
    drawn = [item for item in np.argsort(tie_order(8)) if item != 7]
    assert found.items[0].tolist() == [7, *drawn][:k]
    assert found.scores[0].tolist() == [2.0, 1.0, 1.0, 1.0, 1.0][:k]


def test_an_empty_place_is_no_hit(scorer_of, interactions_of):
    """Item -1 of user 1 would share its key with the last item of user 0."""
    test = interactions_of([[0, 0, 1], [1, 0, 0]])
    train = interactions_of([[1, 0, 0], [0, 1, 1]])
    result = evaluate(scorer_of(np.zeros((2, 3))), test, train=train, k=3)
    np.testing.assert_allclose(result.per_user("precision@3"), [1 / 3, 1 / 3])
