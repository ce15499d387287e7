"""A good model passes; broken ones fail for the reason that a person would give."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch

import fullrank as fr
from fullrank import Interactions, Recommender
from fullrank.behaviour import LIMITS, check, limits_of
from fullrank.serving.scorers import DotScorer


@pytest.fixture(scope="module")
def split():
    return fr.load("demo")


@pytest.fixture(scope="module")
def good(split):
    return Recommender("bpr", epochs=6, lr=30.0, threads=1).fit(split)


def with_tables(model, users, items) -> Recommender:
    """The same model with other rows."""
    other = Recommender(model.settings)
    other._use(DotScorer(users, items), model._parts, model._fold_in)
    return other


def failed(findings) -> set[str]:
    return {finding.name for finding in findings.failed}


@pytest.mark.slow
@pytest.mark.parametrize("method", ["ease", "allpass", "itemknn", "ials"])
def test_good_models_pass(split, method):
    found = check(Recommender(method, threads=1).fit(split))
    assert found.passed, [each.reason for each in found.failed]


@pytest.mark.slow
def test_a_good_model_passes_and_every_check_has_a_value(good):
    found = check(good)
    assert found.passed, [each.reason for each in found.failed]
    assert all(each.value is not None for each in found)
    assert [each.name for each in found] == list(LIMITS)[: len(found.each)]


@pytest.mark.slow
def test_a_popular_list_knows_nothing_of_users(split):
    found = check(Recommender("popularity").fit(split))
    assert {"over_popular", "rare_items", "same_ten", "never_shown"} <= failed(found)
    reasons = {each.name: each.reason for each in found.failed}
    assert "knows nothing of users beyond what is popular" in reasons["over_popular"]
    assert "100% of the users get the same ten items" in reasons["same_ten"]


@pytest.mark.slow
def test_shuffled_items_are_mixed_up(good):
    scorer = good.scorer
    order = torch.randperm(scorer.n_items, generator=torch.Generator().manual_seed(0))
    found = check(with_tables(good, scorer.user_table, scorer.item_table[order]))
    assert {"over_popular", "remembers"} <= failed(found)
    assert "same_ten" not in failed(found)
    reasons = {each.name: each.reason for each in found.failed}
    assert all("mixed up?" in reasons[name] for name in ("over_popular", "remembers"))


@pytest.mark.slow
def test_shuffled_items_are_seen_without_a_held_out_part(good):
    scorer = good.scorer
    order = torch.randperm(scorer.n_items, generator=torch.Generator().manual_seed(0))
    broken = with_tables(good, scorer.user_table, scorer.item_table[order])
    broken._parts = {"train": good.train}
    found = check(broken)
    assert failed(found) == {"remembers"}
    unmeasured = {each.name: each.reason for each in found if each.value is None}
    assert unmeasured["over_popular"] == "no held-out part lies with the model"


@pytest.mark.slow
def test_collapsed_tables_are_alike(good):
    scorer, line = good.scorer, torch.randn(64, generator=torch.Generator().manual_seed(1))
    tables = [1e-3 * table + line for table in (scorer.user_table, scorer.item_table)]
    found = check(with_tables(good, *tables))
    assert {"dimensions", "same_ten", "never_shown"} <= failed(found)
    reasons = {each.name: each.reason for each in found.failed}
    assert "use 1.0 of 64 dimensions: collapsed" in reasons["dimensions"]
    equal = check(with_tables(good, *(torch.ones_like(table) for table in tables)))
    assert "ties" in failed(equal)
    assert "equal scores at the tenth place" in {e.name: e.reason for e in equal.failed}["ties"]


@pytest.mark.slow
def test_the_figures_are_those_of_loops(split):
    """On all users of a small model, each figure by its definition."""
    rng = np.random.default_rng(0)
    model = Recommender("ease").fit(split.train.select(rng.random(len(split.train)) < 0.5),
                                    split.validation)  # fmt: skip
    model._parts["test"] = split.test
    found = {each.name: each.value for each in check(model)}
    lists = {k: _lists(model, k) for k in (20, 100)}
    test = _by_user(model.test)
    recalls = {
        u: len(own & set(lists[20][u])) / len(own) for u, own in test.items() if u in lists[20]
    }
    popular = Recommender("popularity").fit(model.train, model.validation)
    theirs = _lists(popular, 20)
    beside = {u: len(own & set(theirs[u])) / len(own) for u, own in test.items() if u in theirs}
    ratio = np.mean(list(recalls.values())) / np.mean(list(beside.values()))
    assert found["over_popular"] == pytest.approx(ratio, rel=0.02)
    shown = {item for items in lists[100].values() for item in items}
    trained = set(model.train.to_frame()["item_id"])
    assert found["never_shown"] == pytest.approx(1 - len(shown) / len(trained), abs=1e-9)
    history = _by_user(model.train)
    lengths = {u: len(history[u]) for u in recalls}
    edge = np.quantile(list(lengths.values()), 0.25)
    short = np.mean([recalls[u] for u in recalls if lengths[u] <= edge])
    assert found["short_histories"] == pytest.approx(short / np.mean(list(recalls.values())))


def _lists(model, k) -> dict[str, list[str]]:
    trained = [u for u, n in zip(model.users.values.to_list(), model.train.user_degree, strict=True)
               if n]  # fmt: skip
    frame = model.recommend(trained, k=k)
    found: dict[str, list[str]] = {}
    for user, item in frame.select("user_id", "item_id").rows():
        found.setdefault(user, []).append(item)
    return found


def _by_user(part: Interactions) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for user, item in part.to_frame().select("user_id", "item_id").rows():
        found.setdefault(user, set()).add(item)
    return found


@pytest.mark.slow
def test_beside_another_model(split, good):
    same = {each.name: each for each in check(good, other=good)}
    assert same["against"].value == same["ids_kept"].value == 1.0
    assert same["id_types"].value == 0.0
    frame = split.train.to_frame()
    numbered = frame.with_columns(item_id=frame["item_id"].rank("dense").cast(int))
    other = Recommender("ease").fit(numbered)
    found = check(other, other=good)
    reasons = {each.name: each.reason for each in found.failed}
    assert "items are whole numbers and were text" in reasons["id_types"]
    assert "0% of the items of the other model are known" in reasons["ids_kept"]


@pytest.mark.slow
def test_another_seed(split):
    lucky = Recommender("bpr", epochs=0).fit(split)
    found = {each.name: each for each in check(lucky, seeds=True)}
    assert found["another_seed"].passed is False
    assert "a matter of luck" in found["another_seed"].reason
    closed = {each.name: each for each in check(Recommender("ease").fit(split), seeds=True)}
    assert closed["another_seed"].value == 1.0


@pytest.mark.slow
def test_scores_that_are_not_numbers_fail_and_end_nothing(good):
    broken = with_tables(good, good.scorer.user_table, good.scorer.item_table)
    table = good.scorer.item_table.clone()
    table[3, 3] = float("nan")
    broken.scorer.item_table = table
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = check(broken)
    assert not found.passed
    assert any("NaN" in each.reason for each in found.failed)


@pytest.mark.slow
def test_a_limit_can_be_moved_or_switched_off(good):
    strict = check(good, limits=limits_of({"over_popular": 99.0, "ties": None}))
    assert failed(strict) == {"over_popular"}
    assert next(each for each in strict if each.name == "ties").passed is None
