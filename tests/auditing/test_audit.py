"""Facts of a part against loops, and the verdict on splits with known faults."""

from __future__ import annotations

import json

import numpy as np
import pytest

import fullrank as fr
from fullrank.auditing import audit, draw_of, facts, report
from fullrank.auditing.shares import shares_by_items
from fullrank.auditing.worth import QUICK, Worth, worth_of
from fullrank.data import Ids, Interactions, Split, draw_validation, generate, hold_out, time_split
from fullrank.errors import DataError


def test_reach_is_that_of_the_dense_product(monkeypatch):
    data = generate(60, 90, 400, seed=3)
    train, part = hold_out(data, 0.3, 0)
    dense = train.csr().toarray()
    near = (dense @ dense.T @ dense) > 0
    expected = near[part.user_idx, part.item_idx]
    assert 0.05 < expected.mean() < 0.95
    found = facts.reach_of(train, part)
    assert found["reached"] == pytest.approx(expected.mean())
    assert found["pairs"] == len(part)
    assert found["interval"][0] < found["reached"] < found["interval"][1]
    monkeypatch.setattr(facts, "SAMPLE", 50)
    some = facts.reach_of(train, part)
    assert some["pairs"] == 50
    assert some["reached"] == pytest.approx(expected.mean(), abs=0.2)


def test_cold_rows_and_repeats_by_hand():
    users, items = Ids.numbered(6), Ids.numbered(8)  # the last are nowhere
    train = Interactions.from_rows(users, items, [0, 0, 1, 2], [0, 1, 1, 2])
    part = Interactions.from_rows(users, items, [0, 1, 3, 3, 2], [1, 3, 0, 4, 3])
    assert facts.cold_of(train, part) == {
        "cold_users": 1,
        "cold_items": 2,
        "pairs_of_cold_users": 2,
        "pairs_of_cold_items": 3,
    }
    assert facts.repeats_of(train, part) == 1


def test_order_in_time_is_that_of_all_pairs():
    data = generate(50, 40, 600, seed=1, timestamps=True)
    train, part = hold_out(data, 0.3, 0)
    train.timestamp.flags.writeable, part.timestamp.flags.writeable = True, True
    train.timestamp[:], part.timestamp[:] = train.timestamp % 7, part.timestamp % 9  # with ties
    pairs = [(b > a) + (b == a) / 2 for a in train.timestamp for b in part.timestamp]
    after = []
    for user in range(50):
        mine = [each.timestamp[each.user_idx == user] for each in (train, part)]
        if all(map(len, mine)):
            after.append(min(mine[1]) >= max(mine[0]))
    found = facts.order_of(train, part)
    assert found["later"] == pytest.approx(np.mean(pairs))
    assert found["users_after"] == pytest.approx(np.mean(after))
    assert facts.order_of(*hold_out(generate(50, 40, 600), 0.3)) is None


@pytest.mark.parametrize(
    ("rounded", "name"), [(np.ceil, "up"), (np.floor, "down"), (np.rint, "to the nearest")]
)
def test_the_fraction_of_each_user(rounded, name):
    degree = np.random.default_rng(0).integers(2, 90, 500)
    quota = rounded(np.round(0.2 * degree, 9)).astype(int)
    assert facts.fraction_of(degree, quota) == (0.2, name)
    single = np.ones(100, dtype=int)  # users with one interaction keep it however it is rounded
    padded = np.concatenate((single, degree)), np.concatenate((0 * single, quota))
    assert facts.fraction_of(*padded) == (0.2, name)
    assert facts.fraction_of(degree, np.random.default_rng(1).binomial(degree, 0.2)) is None


def test_same_histories():
    user, item = np.repeat(np.arange(5), 6), np.tile(np.arange(6), 5)
    item[-1] = 7
    data = Interactions.from_rows(Ids.numbered(6), Ids.numbered(8), user, item)
    assert facts.same_histories(data) == 4
    assert facts.same_histories(data.select(data.item_idx < 4)) == 0  # short ones are by chance


def split_of(table, skewed_draw, power, like="uniform"):
    rest, test = skewed_draw(table, power)
    train, chosen, how = draw_validation(rest, test, 0.1, 0, like)
    return Split("planted", train, chosen, test, how)


@pytest.mark.slow
def test_the_verdict_names_the_skew_and_its_cure(table, skewed_draw):
    for power, effect in ((0.5, "undervalues popular"), (-0.5, "overvalues popular")):
        found = audit(split_of(table, skewed_draw, power))
        assert found.alike is False
        text = " ".join(found.verdict)
        assert "test is no uniform draw" in text
        assert "validation is drawn like train" in text
        assert effect in text
        assert "--validation-like test" in text
    cured = audit(split_of(table, skewed_draw, 0.5, "test"))
    assert cured.alike is True
    assert "validation is no uniform draw" in " ".join(cured.verdict)


def test_a_clean_split_is_called_clean(table):
    rest, test = hold_out(table, 0.2, 0)
    train, chosen = hold_out(rest, 0.1, 1)
    found = audit(Split("clean", train, chosen, test))
    assert found.alike is True
    assert found.verdict[0].startswith("test is drawn like train by popularity")
    assert not any("no uniform draw" in each for each in found.verdict)
    document = json.loads(json.dumps(found.to_dict()))
    assert document["parts"]["test"]["by_popularity"]["skewed"] is False
    assert document["parts"]["test"]["order_in_time"]["later"] == pytest.approx(0.5, abs=0.02)
    assert "Audit of clean" in repr(found)
    held = {
        name: sum(each.interactions for each in part.popularity.bins)
        for name, part in found.parts.items()
    }
    assert held == {"validation": len(train) + len(chosen), "test": len(table)}
    # A tenth of four fifths, rounded at random, and of each user a fifth: neither is a fixed share.
    assert [part.fraction for part in found.parts.values()] == [None, None]


@pytest.mark.slow
def test_a_split_by_time_is_seen(table):
    found = audit(time_split(table, name="timed"))
    assert found.parts["test"].order["later"] == 1
    text = " ".join(found.verdict)
    assert "test lies after train in time" in text
    assert "trained on what follows" not in text
    timed = time_split(table)
    drawn = draw_of(timed.train, timed.validation, timed.test)
    assert drawn["later"] == 1
    assert "test lies after train in time" in drawn["line"]
    mixed = hold_out(table, 0.2, 0)
    late = audit(Split("mixed", mixed[0], None, mixed[1]))
    assert "trained on what follows" in " ".join(late.verdict)


@pytest.mark.slow
def test_cold_rows_and_repeats_are_told(table):
    train, test = hold_out(table, 0.2, 0)
    some = table.select(np.sort(np.random.default_rng(0).choice(len(table), 9000, replace=False)))
    repeated = int(train.csr().multiply(some.csr()).nnz)
    assert f"{repeated:,} pairs of test are in an earlier part too" in " ".join(
        audit(Split("twice", train, None, some)).verdict
    )
    again = audit(Split("thrice", train, some, some)).parts
    assert again["validation"].repeated == repeated
    assert again["test"].repeated == repeated + len(some)
    fewer = train.select(train.user_idx >= 100)
    n = int((test.user_degree[:100] > 0).sum())
    told = " ".join(audit(Split("cold", fewer, None, test)).verdict)
    assert f"{n:,} users of test are not in train" in told


def test_nothing_to_audit(small):
    with pytest.raises(DataError, match="no validation and no test part"):
        audit(Split("x", small.train, None, None))


def test_worth_is_the_rank_of_methods_on_each_part():
    values = {
        "a": {"validation": 0.3, "test": 0.2},
        "b": {"validation": 0.2, "test": 0.25},
        "c": {"validation": 0.1, "test": 0.1},
    }
    worth = Worth("ndcg@20", values)
    assert worth.ranked("validation") == ["a", "b", "c"]
    assert worth.ranked("test") == ["b", "a", "c"]
    assert worth.cost == pytest.approx(0.2)
    assert worth.factors == pytest.approx({"a": 2 / 3, "c": 1, "b": 1.25})
    assert list(worth.factors) == ["a", "c", "b"]
    of_ranks, of_factors = worth.sentences()
    assert "a is best on validation and b on test: choosing on validation costs 20.0%" in of_ranks
    assert of_factors.endswith("changes by factors that differ: a by 0.67, b by 1.25.")
    same = Worth(
        "ndcg@20",
        {name: {"validation": v, "test": v} for name, v in zip("abc", (3, 2, 1), strict=False)},
    )
    assert same.cost == 0
    assert len(same.sentences()) == 1
    assert "same order" in same.sentences()[0]


def test_the_best_may_be_the_same_and_others_not():
    values = {"a": (0.3, 0.3), "b": (0.2, 0.1), "c": (0.1, 0.2)}
    worth = Worth("ndcg@20", {x: {"validation": v, "test": t} for x, (v, t) in values.items()})
    assert worth.sentences()[0] == (
        "of quick methods a is best on both; the order of others differs."
    )


def test_quick_methods_are_fitted_on_train_alone(small):
    found = worth_of(small)
    assert set(found.values) == set(QUICK)
    model = fr.Recommender("itemknn").fit(small)
    both = found.values["itemknn"]
    assert both["test"] == pytest.approx(model.evaluate(k=20)["ndcg@20"], rel=1e-6)
    assert 0 < both["validation"] != both["test"]
    with pytest.warns(UserWarning, match="in the validation part"):
        other = model.evaluate(small.validation, k=20, metrics=("ndcg",))
    assert other["ndcg@20"] == pytest.approx(both["validation"], rel=1e-6)
    assert audit(small, worth=True).to_dict()["worth"]["values"] == found.values
    assert audit(small).worth is None


def test_fr_audit_is_the_function(small):
    assert fr.audit is audit
    assert fr.audit(small).data == small.name


def test_a_report_has_it_in_a_line(table, skewed_draw, monkeypatch):
    split = split_of(table, skewed_draw, 0.5)
    found = draw_of(split.train, split.validation, split.test)
    assert found["skewed"]
    assert found["alike"] is False
    bins = shares_by_items([split.train, split.validation], split.test, table.item_degree).bins
    low, high = found["shares"]
    assert (low, high) == (bins[0].share, bins[-1].share)
    assert low < 0.8 * high
    assert "popular items are in it more often" in found["line"]
    assert "validation is drawn otherwise" in found["line"]
    monkeypatch.setattr(report, "shares_by_items", None)  # what is known is not counted again
    assert draw_of(split.train, split.validation, split.test) == found
    with pytest.raises(TypeError):
        draw_of(split.train, None, split.test)
