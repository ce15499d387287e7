"""What `evaluate` takes, what it computes of it, and the evaluation that it returns."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import pytest

from fullrank.errors import DataError, FitError, SettingError
from fullrank.evaluation import evaluate
from fullrank.evaluation.metrics import Exposure


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


@pytest.mark.parametrize(
    "users", [np.arange(30) < 5, np.array([1.7, 3.0]), ["3"], np.array([[3], [4]]), [-1], [30]]
)
def test_users_are_row_numbers(case, users):
    """A mask read as numbers would be users 1 and 0, many times."""
    scorer, train, _, test = case
    with pytest.raises(DataError, match="user rows: found "):
        evaluate(scorer, test, train=train, users=users)


def test_what_a_caller_sorts_is_not_the_evaluation(case):
    """Users would no longer be those of another evaluation, and a paired test none of pairs."""
    scorer, train, _, test = case
    result = evaluate(scorer, test, train=train)
    with pytest.raises(ValueError, match="read-only"):
        result.per_user("ndcg@20").sort()
    assert result.per_user("ndcg@20").mean() == result["ndcg@20"]


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
    with pytest.raises(
        DataError, match="user rows: found row 30 at position 1; expected rows from 0 to 29"
    ):
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
