"""What the service answers is what Python gives for the same model and users, to the bit."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from asking import Local

from fullrank import Recommender
from fullrank.data import Ids, Interactions, Split
from fullrank.portfolio.blend import Blend
from fullrank.service.messages import PARTS

KINDS = ("bpr", "lightgcn", "ease", "itemknn", "spectral", "allpass", "sgfcf", "gf-cf", "chebycf",
         "popularity", "ials", "blend")  # fmt: skip
LISTS = {"/v1/recommend": "lists", "/v1/recommend/session": "items"}


@pytest.fixture(scope="module", params=KINDS)
def pair(request, saved, small, tmp_path_factory) -> tuple[Recommender, Local]:
    """A model as Python has it, and a service of it."""
    if request.param == "blend":
        quick = {"epochs": 2, "dim": 8}
        parts = ({"method": "bpr", "settings": quick, "weight": 0.4},
                 {"method": "ease", "settings": {}, "weight": 0.6})  # fmt: skip
        folder = tmp_path_factory.mktemp("blend") / "blend"
        Recommender(Blend(parts=parts)).fit(small).save(folder)
    else:
        folder = saved(request.param)
    return Recommender.load(folder), Local(folder)


def lists(frame: pl.DataFrame, users: list[Any]) -> list[list[tuple[Any, str, float, int]]]:
    """The list of each user in a frame: id, title, score and rank."""
    columns = ("item_id", "title", "score", "rank")
    return [list(frame.filter(user_id=user).select(columns).iter_rows()) for user in users]


def items(document: list[dict[str, Any]]) -> list[tuple[Any, str, float, int]]:
    return [(each["item_id"], each["title"], each["score"], each["rank"]) for each in document]


def test_lists_of_requests_that_come_together(pair):
    model, local = pair
    asked = [["u3"], ["u5", "u1", "nobody"], ["u199"], ["u7", "u8", "u9", "u10"]]
    lengths = [10, 3, 1000, 25]
    requests = [
        ("POST", "/v1/recommend", {"users": users, "k": k})
        for users, k in zip(asked, lengths, strict=True)
    ]
    replies = local.together(*requests, *requests)
    for users, k, *pairs in zip(asked, lengths, replies[:4], replies[4:], strict=True):
        frame = model.recommend(users, k, strict=False, exclude=PARTS, source=True)
        for reply in pairs:
            assert reply.status == 200
            answer = reply.json["lists"]
            assert [items(each["items"]) for each in answer] == lists(frame, users)
            sources = dict(frame.select("user_id", "source").iter_rows())
            assert {each["user_id"]: each["source"] for each in answer} == sources
            assert [each["known"] for each in answer] == [user != "nobody" for user in users]


@pytest.mark.parametrize(
    "choice",
    [
        {"exclude": ["train"]},
        {"exclude": []},
        {"exclude_seen": False},
        {"allow": [f"i{row}" for row in range(0, 120, 3)]},
        {"deny": ["i1", "i2", "i3", "none such"]},
        {"allow": ["i4", "i5", "i6"], "deny": ["i5"]},
    ],
)
def test_what_is_left_out(pair, choice):
    model, local = pair
    users = ["u2", "u11", "unknown"]
    frame = model.recommend(users, 8, strict=False, **{"exclude": PARTS} | choice)
    reply = local.post("/v1/recommend", users=users, k=8, **choice)
    assert [items(each["items"]) for each in reply.json["lists"]] == lists(frame, users)


def test_requests_of_all_kinds_that_come_together(pair):
    """Each is answered as it would be alone, whatever the others leave out or allow."""
    model, local = pair
    choices = [{}, {"exclude": []}, {"exclude_seen": False}, {"deny": ["i1", "i9"]},
               {"allow": ["i4", "i5"]}, {"exclude": ["test", "train"]}]  # fmt: skip
    asked = [{"users": ["u2", "new"], "k": 7, **choice} for choice in choices]
    visits = [
        {"items": items, "k": 7, **choice} for items in (["i8"], []) for choice in choices[3:5]
    ]
    replies = local.together(
        *(("POST", "/v1/recommend", each) for each in asked),
        *(("POST", "/v1/recommend/session", each) for each in visits),
    )
    for choice, reply in zip(choices, replies[: len(asked)], strict=True):
        frame = model.recommend(["u2", "new"], 7, strict=False, **{"exclude": PARTS} | choice)
        answer = [items(each["items"]) for each in reply.json["lists"]]
        assert answer == lists(frame, ["u2", "new"])
    for visit, reply in zip(visits, replies[len(asked) :], strict=True):
        folded = model.fold_in({"v": visit["items"]}, strict=False)
        choice = {name: visit[name] for name in ("allow", "deny") if name in visit}
        assert [items(reply.json["items"])] == lists(folded.recommend(k=7, **choice), ["v"])


def test_visitors_that_come_together(pair):
    model, local = pair
    histories = [["i3", "i50"], ["i7"], ["i9", "i9", "i8", "no item"], [f"i{n}" for n in range(60)]]
    requests = [
        ("POST", "/v1/recommend/session", {"items": history, "k": k})
        for k, history in enumerate(histories, 5)
    ]
    for k, (history, reply) in enumerate(zip(histories, local.together(*requests), strict=True), 5):
        folded = model.fold_in({"v": history}, strict=False)
        assert [items(reply.json["items"])] == lists(folded.recommend(k=k), ["v"])
        assert reply.json["source"] == "model"
        assert reply.json["unknown"] == [each for each in history if each == "no item"]


def test_a_visitor_of_whom_nothing_is_known(pair):
    model, local = pair
    reply = local.post("/v1/recommend/session", items=["no item"], k=4).json
    frame = model.fold_in({"v": ["no item"]}, strict=False).recommend(k=4)
    assert [items(reply["items"])] == lists(frame, ["v"])
    assert (reply["source"], reply["unknown"]) == ("popular", ["no item"])


def test_similar_items(pair):
    model, local = pair
    wanted = ["i4", "i2", "i4"]
    frame = model.similar_items(["i4", "i2"], 5).rename({"item_id": "user_id"})
    frame = frame.rename({"similar_item_id": "item_id"})
    answer = local.post("/v1/similar", items=wanted, k=5).json["lists"]
    assert [each["item_id"] for each in answer] == wanted
    assert [items(each["items"]) for each in answer] == lists(frame, wanted)


@pytest.fixture(scope="module")
def numbered(small, tmp_path_factory) -> Local:
    """A service of a model whose ids are numbers, and whose items have no titles."""
    parts = [
        Interactions.from_rows(
            Ids(pl.Series(range(1000, 1000 + part.n_users))),
            Ids(pl.Series(range(5, 5 + part.n_items))),
            part.user_idx,
            part.item_idx,
        )
        for part in (small.train, small.validation, small.test)
    ]
    folder = tmp_path_factory.mktemp("numbered") / "m"
    Recommender("bpr", epochs=1, dim=4).fit(Split("numbers", *parts)).save(folder)
    return Local(folder)


def test_ids_keep_their_type(numbered):
    answer = numbered.post("/v1/recommend", users=[1001, "1001", "01001", 10**30], k=2).json
    known = [(each["user_id"], each["known"]) for each in answer["lists"]]
    assert known == [(1001, True), (1001, True), ("01001", False), (10**30, False)]
    assert answer["lists"][0]["items"] == answer["lists"][1]["items"]
    first = answer["lists"][0]["items"][0]
    assert isinstance(first["item_id"], int)
    assert set(first) == {"item_id", "score", "rank"}
    assert numbered.ask("GET", "/v1/items/5").json["item"]["item_id"] == 5
    assert numbered.ask("GET", "/v1/items/05").status == 404


@pytest.fixture(scope="module", params=["bpr", "ease"])
def sparse(request, tiny, tmp_path_factory) -> Local:
    """A service of a model that has seen few of its users and items."""
    folder = tmp_path_factory.mktemp("sparse") / "m"
    options = {"epochs": 1, "dim": 4} if request.param == "bpr" else {}
    Recommender(request.param, **options).fit(tiny).save(folder)
    return Local(folder)


def test_untrained_users_and_items(sparse, tiny):
    model = sparse.service.served(None).model
    (cold, *_), (warm, *_) = (
        [
            user
            for user, n in zip(tiny.users.values, tiny.user_degree, strict=True)
            if bool(n) is there
        ]
        for there in (False, True)
    )
    answer = sparse.post("/v1/recommend", users=[cold, warm, "new"], k=120).json["lists"]
    frame = model.recommend([cold, warm, "new"], 120, strict=False, exclude=PARTS)
    assert [items(each["items"]) for each in answer] == lists(frame, [cold, warm, "new"])
    assert [each["source"] for each in answer] == ["popular", "model", "popular"]
    assert [each["known"] for each in answer] == [True, True, False]
    untrained = {item for item, n in zip(tiny.items.values, tiny.item_degree, strict=True) if not n}
    assert untrained
    assert not untrained & {item["item_id"] for each in answer for item in each["items"]}
    own = sparse.post("/v1/recommend/session", items=[next(iter(untrained))], k=120).json
    folded = model.fold_in({"v": [next(iter(untrained))]}, strict=False)
    assert [items(own["items"])] == lists(folded.recommend(k=120), ["v"])


def test_unknown_users_may_be_refused(saved):
    local = Local(saved(), unknown="404")
    reply = local.post("/v1/recommend", users=["u1", "nobody"])
    assert (reply.status, reply.json["field"]) == (404, "$.users[1]")
    assert local.post("/v1/recommend", users=["u1"]).status == 200


def test_scores_are_not_rounded_on_the_way(local):
    model = local.service.served(None).model
    frame = model.recommend(["u1"], 5, exclude=PARTS)
    answer = local.post("/v1/recommend", users=["u1"], k=5).json["lists"][0]["items"]
    back = pl.Series([each["score"] for each in answer], dtype=pl.Float32)
    assert back.to_list() == frame["score"].to_list()
