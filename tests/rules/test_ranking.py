"""Lists under rules are those of the naive loops, of every scorer, for one user and for all."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch
from ruled_loops import METHODS, divergence, one_list, values

from fullrank import DataError, Rules, SettingError
from fullrank.data.ids import Ids
from fullrank.rules.bound import Bound

EVERY = pytest.mark.parametrize("method", METHODS)
K = 7
RULES = {
    "none": {},
    "allow": {"allow": [f"i{row}" for row in range(0, 120, 2)]},
    "deny": {"deny": [f"i{row}" for row in range(60)]},
    "where": {"where": "available and categories in ('a', 'b') and not (price < 5)"},
    "allow_per_user": {"allow_per_user": {"u1": ["i4", "i90"], "u7": ["i8"], "other": ["i1"]}},
    "deny_per_user": {"deny_per_user": {f"u{row}": ["i1", "i5", "i7"] for row in range(50)}},
    "popularity_damping": {"popularity_damping": 0.7},
    "at_most": {"at_most": {"categories": 2, "brand": 1}, "pool": 20},
    "diversity": {"diversity": 0.4, "pool": 30},
    "calibration": {"calibration": 0.5, "pool": 30},
    "exploration": {"exploration": 0.36, "seed": 5, "pool": 40},
    "small pool": {"at_most": {"categories": 1, "brand": 1}, "diversity": 0.5, "pool": 3},
}
TOGETHER = {name: value for each in [*RULES.values()][:-1] for name, value in each.items()}
TOGETHER |= {"at_most": {"categories": 3}, "pool": 16}


def allowed_to(model, rules, user: str) -> list[int]:
    """What may be in a user's list, by the rules about items alone."""
    seen = set()
    for part in ("train", "validation"):
        each = model._parts[part]
        row = model.users.values.to_list().index(user)
        seen |= set(each.item_idx[each.indptr[row] : each.indptr[row + 1]].tolist())
    made = []
    for row, item in enumerate(model.items.values.to_list()):
        known = {name: model.items.attributes[name][row] for name in model.items.attributes.columns}
        fits = row not in seen and model._trained.items[row]
        fits &= rules.allow is None or item in rules.allow
        fits &= rules.deny is None or item not in rules.deny
        if rules.where:  # the one expression of RULES
            own = known["categories"]
            some = own is not None and bool({"a", "b"} & set(own))
            fits &= known["available"] is True and some
            fits &= known["price"] is not None and not known["price"] < 5
        for own, wanted in ((rules.allow_per_user, True), (rules.deny_per_user, False)):
            of_user = own.to_dict().get(user) if own is not None else None
            fits &= of_user is None or (item in of_user) is wanted
        if fits:
            made.append(row)
    return made


def lists_in(frame) -> dict[str, list[str]]:
    grouped = frame.group_by("user_id", maintain_order=True).agg("item_id", "rank")
    for ranks in grouped["rank"].to_list():
        assert ranks == list(range(1, len(ranks) + 1))
    return dict(zip(grouped["user_id"].to_list(), grouped["item_id"].to_list(), strict=True))


@EVERY
@pytest.mark.parametrize("name", [*RULES, "together"])
def test_lists_are_those_of_the_loops(models, world_of, method, name):
    model = models[method]
    rules = Rules(**(TOGETHER if name == "together" else RULES[name]))
    world = world_of(model, rules.seed)
    users = [f"u{row}" for row in (0, 1, 3, 7, 19, 60, 120, 199)]
    got = lists_in(model.recommend(users, K, rules=rules))
    for user in users:
        row = model.users.values.to_list().index(user)
        if not model.train.user_degree[row]:
            continue
        wanted = one_list(world, rules, row, allowed_to(model, rules, user), K)
        assert got.get(user, []) == [f"i{item}" for item in wanted], user


@pytest.mark.slow
@EVERY
@pytest.mark.parametrize("threads", [1, 2])
def test_a_list_has_the_same_bits_whoever_else_is_asked_for(models, method, threads):
    model, before = models[method], torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        for name in ("none", "at_most", "diversity", "calibration", "popularity_damping"):
            rules = Rules(**RULES[name])
            everyone = model.recommend(None, K, rules=rules, source=True)
            users = ["u11", "nobody", "u3", "u150"]
            several = model.recommend(users, K, rules=rules, strict=False, source=True)
            for user in users:
                own = model.recommend([user], K, rules=rules, strict=False, source=True)
                assert own.equals(several.filter(pl.col("user_id") == user))
                if user != "nobody":
                    assert own.equals(everyone.filter(pl.col("user_id") == user))
    finally:
        torch.set_num_threads(before)


@EVERY
def test_rules_that_ask_for_nothing_change_no_list(models, method):
    plain = models[method].recommend(None, K)
    ruled = models[method].recommend(None, K, rules=Rules())
    assert ruled.drop("score").equals(plain.drop("score"))
    np.testing.assert_allclose(ruled["score"], plain["score"], rtol=1e-5, atol=1e-6)
    wide = models[method].recommend(None, K, rules=Rules(at_most={"brand": 120}))
    assert wide.equals(ruled)


def test_limits_hold_and_lists_are_full_where_they_can_be(models):
    model = models["itemknn"]
    rules = Rules(at_most={"categories": 1}, pool=1)
    frame = model.recommend(None, 10, rules=rules)
    table = model.items_table
    attributes = table.drop("item_id").to_dict(as_series=False)
    world = type("World", (), {"attributes": attributes})
    row_of = {item: row for row, item in enumerate(table["item_id"])}
    for items in lists_in(frame).values():
        labels = [v for item in items for v in values(world, "categories", row_of[item])]
        assert len(labels) == len(set(labels))
        assert len(items) >= 2


def test_damping_takes_popular_items_down(models):
    model, means = models["itemknn"], []
    for strength in (0.0, 0.5, 1.0, 3.0):
        frame = model.recommend(None, K, rules=Rules(popularity_damping=strength))
        means.append(model._trained.popularity[model.items.rows(frame["item_id"])].mean())
    assert means == sorted(means, reverse=True)
    assert means[0] > 1.5 * means[-1]


@pytest.mark.slow
def test_diversity_and_calibration_do_what_they_say(models, world_of):
    model = models["bpr"]
    world = world_of(model)

    def alike(rules):
        lists = lists_in(model.recommend(None, K, rules=rules)).values()
        rows = [model.items.rows(own).tolist() for own in lists]
        return np.mean([[world.alike[i][j] for i in own for j in own if i != j] for own in rows])

    means = [alike(Rules(diversity=strength)) for strength in (0.0, 0.3, 0.6, 0.9)]
    assert means == sorted(means, reverse=True)

    def apart(strength):
        frame = model.recommend(None, K, rules=Rules(calibration=strength))
        return np.mean(
            [
                divergence(
                    world,
                    int(model.users.rows([user])[0]),
                    model.items.rows(own).tolist(),
                    "categories",
                )
                for user, own in lists_in(frame).items()
            ]
        )

    distances = [apart(strength) for strength in (0.0, 0.2, 0.9)]
    assert distances == sorted(distances, reverse=True)


def test_exploration_draws_the_last_slots_by_seed(models):
    model = models["allpass"]
    plain = model.recommend(None, 10)
    first, again, other = (
        model.recommend(None, 10, rules=Rules(exploration=0.3, seed=seed)) for seed in (1, 1, 2)
    )
    assert first.equals(again)
    drawn = first["source"] == "exploration"
    assert (drawn == (first["rank"] > 7)).all()
    kept = ["user_id", "item_id"]
    assert first.filter(~drawn).select(kept).equals(plain.filter(pl.col("rank") <= 7).select(kept))
    assert first.filter(drawn).join(plain, on=kept).is_empty()
    assert not first.filter(drawn)["item_id"].equals(other.filter(drawn)["item_id"])
    ranks = model.recommend(None, 40).join(first.filter(drawn), on=kept)["rank"]
    assert ranks.min() == 11
    assert ranks.max() > 35


def test_a_user_with_nothing_left_has_no_list_and_a_shorter_one_is_shorter(models):
    rules = Rules(allow_per_user={"u1": ["i3"], "u2": ["i4", "i5"]}, deny=["i3"])
    got = lists_in(models["bpr"].recommend(["u1", "u2", "u3"], K, rules=rules, exclude_seen=False))
    assert "u1" not in got
    assert set(got["u2"]) == {"i4", "i5"}
    assert len(got["u3"]) == K


def test_unknown_users_have_rules_of_their_own(models):
    rules = Rules(deny_per_user={"new": ["i0", "i1"]}, allow_per_user={"newer": ["i9"]})
    model = models["itemknn"]
    frame = model.recommend(["new", "newer"], 200, rules=rules, strict=False)
    assert set(frame["source"]) == {"popular"}
    lists = lists_in(frame)
    assert not {"i0", "i1"} & set(lists["new"])
    assert lists["newer"] == ["i9"]


@pytest.mark.parametrize(
    ("rules", "error", "words"),
    [
        ({"deny": ["i1", "zzz"]}, DataError, ["rules, deny", "'zzz'"]),
        ({"deny_per_user": {"u1": ["zzz"]}}, DataError, ["rules, deny_per_user", "'zzz'"]),
        ({"where": "prize < 3"}, SettingError, ["where, character 1", "'prize'", "'price'"]),
        ({"where": "price < 'a'"}, SettingError, ["where, character 9", "price", "numbers"]),
        ({"at_most": {"categorie": 1}}, SettingError, ["at_most.categorie", "'categories'"]),
        ({"calibration": 0.1, "calibrate_by": "b"}, SettingError, ["calibrate_by", "'b'"]),
        ({"where": "price > 1000"}, SettingError, ["no item", "0 by where"]),
        ({"allow": ["i1"], "deny": ["i1"]}, SettingError, ["no item", "1 by allow", "119 by deny"]),
    ],
)
def test_rules_that_do_not_fit_are_one_line(models, rules, error, words):
    for call in (models["bpr"].recommend, models["bpr"].evaluate):
        if error is DataError and call == models["bpr"].evaluate:
            continue  # which passes over and counts
        with pytest.raises(error) as caught:
            call(rules=Rules(**rules))
        for word in words:
            assert word in str(caught.value)


def test_rules_about_attributes_need_some(small):
    from fullrank import Recommender

    model = Recommender("popularity").fit(small.train.select(np.arange(500)))
    for rules in ({"where": "price > 1"}, {"at_most": {"brand": 1}}, {"calibration": 0.5}):
        with pytest.raises(SettingError, match="attribute"):
            model.recommend(rules=Rules(**rules))


def test_unknown_ids_are_passed_over_unless_strict(models):
    model = models["bpr"]
    rules = Rules(deny=["i1", "zzz"], allow_per_user={"u1": ["zzz"]})
    frame = model.recommend(["u1", "u2"], K, rules=rules, strict=False)
    assert frame["user_id"].unique().to_list() == ["u2"]
    with pytest.raises(DataError, match="all unknown"):
        model.recommend(rules=Rules(allow=["zzz"]), strict=False)
    said = model.evaluate(rules=rules).protocol
    assert said["rules_unknown_ids"] == {"deny": 1, "allow_per_user": 1}
    assert said["rules"] == rules.to_json()


def test_figures_under_rules_are_those_of_the_lists(models):
    model = models["allpass"]
    rules = Rules(diversity=0.3, where="available")
    figures = model.evaluate(k=10, rules=rules, metrics=["recall"])
    lists = lists_in(model.recommend(None, 10, rules=rules))
    users, test = model.users.values.to_list(), model.test
    for row, recall in zip(figures.users, figures.per_user("recall@10"), strict=True):
        wanted = set(model.items.raw(test.item_idx[test.indptr[row] : test.indptr[row + 1]]))
        hits = len(wanted & set(lists.get(users[row], [])))
        assert recall == pytest.approx(hits / len(wanted))
    plain = model.evaluate(k=10, rules=Rules(), metrics=["ndcg"])["ndcg@10"]
    assert plain == pytest.approx(model.evaluate(k=10, metrics=["ndcg"])["ndcg@10"], abs=0.01)


def test_rules_and_the_list_of_a_call_hold_together(models):
    rules, allowed = Rules(deny=[f"i{row}" for row in range(60)]), [f"i{row}" for row in range(90)]
    frame = models["itemknn"].recommend(["u1", "u7"], 50, rules=rules, allow=allowed)
    assert len(frame)
    assert set(frame["item_id"]) <= {f"i{row}" for row in range(60, 90)}


def test_rules_are_bound_anew_for_other_items_and_when_they_are_strict(models):
    rules = Rules(deny=["i1", "i2", "nothing"])
    items = models["itemknn"].items
    assert Bound.of(rules, items, strict=False).unknown == {"deny": 1}
    with pytest.raises(DataError, match="unknown id 'nothing'"):
        Bound.of(rules, items)
    other = Ids(["i2", "i9", "nothing"])
    assert Bound.of(rules, other, strict=False).candidates.tolist() == [False, True, False]
    assert Bound.of(rules, items, strict=False).candidates.sum() == len(items) - 2
