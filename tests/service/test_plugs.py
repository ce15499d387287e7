"""Where rules and reasons join: a request reaches the model, and its refusals come back."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

import fullrank
from fullrank import Recommender, SettingError


class Deny:
    """Rules of one kind, in the place of all."""

    def __init__(self, deny: list[str]) -> None:
        self.deny = deny

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Deny:
        if set(document) != {"deny"}:
            raise SettingError("rules, denny", "'x'", "'deny'")
        return cls(document["deny"])


@pytest.fixture
def ruled(monkeypatch):
    plain = Recommender.recommend

    def recommend(self, users=None, k=10, *, rules=None, **options):
        if rules is not None:
            if "no attribute" in rules.deny:
                raise SettingError("where", "'price'", "an attribute of the items")
            options["deny"] = [*(options.get("deny") or []), *rules.deny]
        return plain(self, users, k, **options)

    monkeypatch.setattr(Recommender, "recommend", recommend)
    monkeypatch.setattr(fullrank, "Rules", Deny, raising=False)


PATHS = (
    ("/v1/recommend", {"users": ["u1", "nobody", "u1"]}),
    ("/v1/recommend/session", {"items": ["i1"]}),
)


def lists(document: dict[str, Any]) -> list[Any]:
    found = document.get("lists", [document])
    return [[(each["item_id"], each["score"]) for each in own["items"]] for own in found]


@pytest.mark.parametrize(("path", "who"), PATHS)
def test_rules_reach_the_model(local, ruled, path, who):
    plain = local.post(path, k=4, **who).json
    (first, _), *_ = lists(plain)[0]
    under = local.post(path, k=4, rules={"deny": [first]}, **who)
    assert under.status == 200
    assert lists(under.json) == lists(local.post(path, k=4, deny=[first], **who).json)
    assert lists(under.json)[0] != lists(plain)[0]


@pytest.mark.parametrize(("path", "who"), PATHS)
def test_rules_that_cannot_be_kept(local, ruled, path, who):
    reply = local.post(path, rules={"denny": []}, **who)
    assert (reply.status, reply.json["field"]) == (422, "$.rules.denny")
    reply = local.post(path, rules={"deny": ["no attribute"]}, **who)
    assert (reply.status, reply.json["field"]) == (422, "$.rules.where")


def test_reasons(local, monkeypatch):
    def explain(self, user, items, *, most=None):
        assert (items, most) == (["i7"], 2)
        return pl.DataFrame(
            {"item_id": "i7", "score": [3.5, 3.5], "part": "bpr", "kind": ["history", "own row"],
             "because_item_id": ["i1", None], "contribution": [2.5, 1.0], "share": [0.7, 0.3]}
        )  # fmt: skip

    monkeypatch.setattr(Recommender, "explain", explain, raising=False)
    assert local.ask("GET", "/v1/model").json["explains"] is True
    for who in ({"user": "u1"}, {"items": ["i1", "i2"]}):
        answer = local.post("/v1/explain", item="i7", most=2, **who).json
        assert (answer["item_id"], answer["score"]) == ("i7", 3.5)
        first, second = answer["reasons"]
        assert first == {"kind": "history", "contribution": 2.5, "share": 0.7, "part": "bpr",
                         "item_id": "i1"}  # fmt: skip
        assert "item_id" not in second
