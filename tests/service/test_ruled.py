"""Rules and reasons: what a request says is what Python gives for the same, to the bit."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from asking import Local

from fullrank import Columns, Interactions, Recommender, Rules

RULES: tuple[dict[str, Any], ...] = (
    {"deny": ["i1", "i2"]},
    {"where": "price < 20 and available = true"},
    {"at_most": {"categories": 1}},
    {"diversity": 0.5, "popularity_damping": 0.3},
    {"exploration": 0.5, "seed": 3},
    {"deny_per_user": {"u1": ["i3"]}, "where": "price >= 5", "diversity": 0.2},
)
USERS = ["u1", "u7", "nobody", "u1", "u30"]


@pytest.fixture(scope="module", params=["bpr", "ease", "allpass"])
def shop(request, saved, tmp_path_factory) -> Local:
    """A model whose items have prices, two kinds and a shelf."""
    model = Recommender.load(saved(request.param))
    ids = model.items.values.to_list()
    table = pl.DataFrame({
        "id": ids,
        "title": [f"Thing {each}" for each in ids],
        "price": [float(each % 40) for each in range(len(ids))],
        "categories": ["red" if each % 2 else "blue" for each in range(len(ids))],
        "available": [each % 3 > 0 for each in range(len(ids))],
    })  # fmt: skip
    folder = tmp_path_factory.mktemp("shop") / request.param
    model.with_items(table).save(folder)
    local = Local(folder)
    local.model = model.with_items(table)
    return local


def lists(document: dict[str, Any]) -> list[list[tuple[str, float]]]:
    found = document.get("lists", [document])
    return [[(each["item_id"], each["score"]) for each in own["items"]] for own in found]


def python(frame: pl.DataFrame, user: str) -> list[tuple[str, float]]:
    return frame.filter(user_id=user).select("item_id", "score").rows()


@pytest.mark.parametrize("rules", RULES, ids=lambda rules: "-".join(rules))
def test_lists_under_rules_are_those_of_python(shop, rules):
    reply = shop.post("/v1/recommend", users=USERS, k=6, rules=rules)
    assert reply.status == 200, reply.json
    frame = shop.model.recommend(
        list(dict.fromkeys(USERS)), 6, strict=False, rules=Rules.from_json(rules),
        exclude=("train", "validation", "test"),
    )  # fmt: skip
    assert lists(reply.json) == [python(frame, user) for user in USERS]


def test_a_visitor_s_list_under_rules_is_that_of_python(shop):
    rules = {"where": "price < 20", "diversity": 0.4}
    reply = shop.post("/v1/recommend/session", items=["i1", "i5", "none"], k=5, rules=rules)
    folded = shop.model.fold_in({"visitor": ["i1", "i5"]})
    frame = folded.recommend(["visitor"], 5, rules=Rules.from_json(rules))
    assert lists(reply.json) == [python(frame, "visitor")]


@pytest.mark.parametrize(("rules", "field"), [
    ({"denny": []}, "$.rules"),
    ({"where": "prize < 3"}, "$.rules.where"),
    ({"where": "price < 'x"}, "$.rules.where"),
    ({"diversity": 7}, "$.rules.diversity"),
    ({"at_most": {"shelf": 1}}, "$.rules.at_most"),
])  # fmt: skip
def test_rules_that_cannot_be_kept(shop, rules, field):
    for path, who in (("/v1/recommend", {"users": ["u1"]}),
                      ("/v1/recommend/session", {"items": ["i1"]})):  # fmt: skip
        reply = shop.post(path, rules=rules, **who)
        assert reply.status == 422, reply.json
        assert reply.json["field"].startswith(field)


def test_reasons_add_up_to_the_score(shop):
    top = lists(shop.post("/v1/recommend", users=["u1"], k=1).json)[0][0]
    for who in ({"user": "u1"}, {"items": ["i1", "i5"]}):
        answer = shop.post("/v1/explain", item=top[0], most=3, **who).json
        total = sum(reason["contribution"] for reason in answer["reasons"])
        assert total == pytest.approx(answer["score"], rel=1e-4, abs=1e-5)
        assert len(answer["reasons"]) <= 5
        assert any(reason.get("item_id") for reason in answer["reasons"])
    assert shop.post("/v1/explain", item="none", user="u1").status in (404, 422)


def test_what_is_never_to_be_shown_is_in_no_list(small, tmp_path):
    frame = small.train.to_frame().select("user_id", "item_id").with_columns(kind=pl.lit("like"))
    first = Recommender("bpr", epochs=1, dim=8).fit(small.train)
    hated = first.recommend(["u1"], k=1)["item_id"][0]
    more = pl.DataFrame({"user_id": ["u1"], "item_id": [hated], "kind": ["hate"]})
    columns = Columns(event="kind", event_weights={"like": 1.0, "hate": -1.0})
    data = Interactions.from_frame(pl.concat([frame, more]), columns=columns)
    Recommender("bpr", epochs=1, dim=8).fit(data).save(tmp_path / "m")
    local = Local(tmp_path / "m")
    for seen in (True, False):
        found = local.post("/v1/recommend", users=["u1"], k=200, exclude_seen=seen)
        assert hated not in [item for item, _ in lists(found.json)[0]]
