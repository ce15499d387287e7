from __future__ import annotations

import json
import math
from collections.abc import Mapping

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fullrank.data import Ids, Interactions
from fullrank.errors import DataError, FitError, SettingError
from fullrank.evaluation import PROTOCOLS, evaluate
from fullrank.evaluation.metrics import Exposure
from fullrank.evaluation.ties import fair_top_k, tie_order
from fullrank.serving import DotScorer

OF_USERS = ["recall", "recall_capped", "ndcg", "precision", "hit_rate", "mrr", "map"]
OF_LISTS = ["item_coverage", "gini", "mean_popularity"]


def split(rng, n_users, n_items, density=0.1):
    """Three disjoint 0/1 tables; the user of row 0 has no test items, where there are others."""
    part = rng.choice(4, (n_users, n_items), p=[1 - 3 * density, density, density, density])
    train, validation, test = (part == number for number in (1, 2, 3))
    if n_users > 1:
        test[0] = False
    test[-1, -1], train[-1, -1], validation[-1, -1] = True, False, False
    test[-1, 0], train[-1, 0], validation[-1, 0] = False, True, False
    return train, validation, test


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


@pytest.fixture(scope="module")
def case(interactions_of):
    """30 users × 50 items with integer-valued tables, and the three parts of a split."""
    rng = np.random.default_rng(0)
    users, items = (torch.from_numpy(rng.integers(-3, 4, (n, 4))).float() for n in (30, 50))
    parts = [interactions_of(part) for part in split(rng, 30, 50)]
    return DotScorer(users, items), *parts


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


def test_block_size_does_not_matter(case):
    scorer, train, _, test = case
    whole, single = (evaluate(scorer, test, train=train, block_bytes=b) for b in (2**30, 1))
    assert dict(whole) == dict(single)


def test_some_users_only(case):
    scorer, train, _, test = case
    result = evaluate(scorer, test, train=train, users=np.array([0, 3, 4]))
    assert result.users.tolist() == [3, 4]
    assert (result.protocol["users_evaluated"], result.protocol["users_left_out"]) == (2, 1)
    everyone = evaluate(scorer, test, train=train)
    picked = np.isin(everyone.users, [3, 4])
    expected = everyone.per_user("ndcg@20")[picked]
    np.testing.assert_array_equal(result.per_user("ndcg@20"), expected)


def test_only_what_is_named_is_computed(case, monkeypatch):
    scorer, train, _, test = case
    everything = evaluate(scorer, test, train=train)
    monkeypatch.setattr(Exposure, "of", lambda *_: pytest.fail("lists were counted"))
    lean = evaluate(scorer, test, train=train, k=(20,), metrics=("ndcg",))
    assert dict(lean) == {"ndcg@20": everything["ndcg@20"]}
    assert list(lean.protocol["metrics"]) == ["ndcg@20"]
    assert dict(evaluate(scorer, test, train=train, k=20, metrics="ndcg")) == dict(lean)


def test_lists_alone_need_no_hits(case):
    scorer, train, _, test = case
    result = evaluate(scorer, test, train=train, metrics=["gini"])
    assert result["gini@10"] == evaluate(scorer, test, train=train)["gini@10"]


def test_an_evaluation_is_a_matrix_and_goes_into_json(case):
    scorer, train, validation, test = case
    result = evaluate(scorer, test, train=train, validation=validation, k=(np.int64(20), 5))
    assert isinstance(result, Mapping)
    assert len(result) == len(list(result)) == len(dict(result)) == len(result.values()) == 20
    assert "ndcg@20" in result
    assert result.get("ndcg@7") is None
    assert all(type(value) is float for value in result.values())
    stored = json.loads(json.dumps(result.to_dict()))
    between = {name: list(ends) for name, ends in result.intervals.items()}
    assert stored == {
        "metrics": dict(result),
        "intervals": between,
        "protocol": result.protocol,
    }
    block = stored["protocol"]
    assert (block["name"], block["k"], block["items"]) == ("standard", [5, 20], 50)
    assert block["fingerprints"] == {
        "train": train.fingerprint,
        "validation": validation.fingerprint,
        "test": test.fingerprint,
    }
    assert list(block["metrics"]) == list(result)


def test_it_prints_as_a_table(case):
    scorer, train, _, test = case
    result = evaluate(scorer, test, train=train, metrics=("ndcg", "mean_popularity"), k=(5, 20))
    shown = {
        name: f"{result[name]:.4f} [{low:.4f}, {high:.4f}]"
        for name, (low, high) in result.intervals.items()
    }
    assert repr(result).splitlines() == [
        "Evaluation: 29 users, protocol standard",
        "                @5                        @20",
        f"ndcg            {shown['ndcg@5']}   {shown['ndcg@20']}",
        f"mean_popularity {result['mean_popularity@5']:.4f}{result['mean_popularity@20']:26.4f}",
    ]


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"k": (0,)}, "setting k: found 0; expected whole numbers of at least 1"),
        ({"k": (10, -1)}, "setting k: found -1"),
        ({"k": (2.0,)}, "setting k: found 2.0"),
        ({"k": (True,)}, "setting k: found True"),
        ({"k": True}, "setting k: found True"),
        ({"k": (51,)}, "setting k: found 51; expected no more than the 50 items"),
        ({"k": ()}, "setting k: found no cutoff"),
        ({"k": 2.5}, "setting k: found 2.5"),
        ({"k": None}, "setting k: found None"),
        ({"protocol": "standart"}, "setting protocol: found 'standart'; expected 'standard'"),
        ({"metrics": ("ndgc",)}, "metrics of protocol standard: found 'ndgc'; expected 'ndcg'"),
        ({"metrics": ("ndcg@20",)}, "found 'ndcg@20'; expected 'ndcg'"),
        ({"metrics": ("map",), "protocol": "published"}, "expected one of 'ndcg', 'recall'"),
    ],
)
def test_wrong_settings_are_named(case, wrong, line):
    scorer, train, _, test = case
    with pytest.raises(SettingError) as error:
        evaluate(scorer, test, train=train, **wrong)
    assert line in str(error.value)


@pytest.mark.parametrize("k", [np.int64(5), np.uint8(5), np.array(5), np.array([5]), [np.int32(5)]])
def test_numbers_of_numpy_are_cutoffs(case, k):
    scorer, train, _, test = case
    found, known = (evaluate(scorer, test, train=train, k=each) for each in (k, 5))
    assert found.to_dict() == known.to_dict()


def test_parts_that_do_not_fit_are_named(case, interactions_of):
    scorer, train, _, test = case
    with pytest.raises(DataError, match="train and test parts: found different users"):
        evaluate(scorer, test, train=interactions_of(np.eye(31, 50)))
    with pytest.raises(DataError, match="validation and test parts: found different items"):
        evaluate(scorer, test, train=train, validation=interactions_of(np.eye(30, 49)))
    other = interactions_of(np.eye(30, 49))
    with pytest.raises(DataError, match="scores of 50 items; expected the 49 of the test part"):
        evaluate(scorer, other, train=other)
    with pytest.raises(DataError, match="no user with test items"):
        evaluate(scorer, test, train=train, users=np.array([0]))
    with pytest.raises(DataError, match="user rows: found 30; expected rows from 0 to 29"):
        evaluate(scorer, test, train=train, users=np.array([4, 30]))


def test_unknown_metric_of_a_result(case):
    scorer, train, _, test = case
    result = evaluate(scorer, test, train=train)
    with pytest.raises(KeyError, match="ndcg@7"):
        result["ndcg@7"]
    with pytest.raises(SettingError, match="'ndcg@7'; expected 'ndcg@"):
        result.per_user("ndcg@7")
    with pytest.raises(SettingError, match="'gini@10'"):
        result.per_user("gini@10")


def test_nan_is_never_evaluated(case, scorer_of):
    _, train, _, test = case
    scores = np.zeros((30, 50))
    scores[7] = np.nan
    with pytest.raises(FitError, match="scores of user row 7: found NaN"):
        evaluate(scorer_of(scores), test, train=train)


def test_every_definition_names_its_ranks():
    for name, protocol in PROTOCOLS.items():
        assert protocol.name == name
        for metric in protocol.metrics.values():
            assert "{depth}" in metric.definition
