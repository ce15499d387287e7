"""What else can be asked, and what a bad question gets."""

from __future__ import annotations

import json

import pytest
from asking import POST_PATHS, Local

from fullrank import Recommender, __version__, generate
from fullrank.service.routes import ROUTES

PROBLEM = "application/problem+json"
DEEP = b'{"rules":' + b'{"a":' * 20_000 + b"1" + b"}" * 20_001


def test_an_item(local):
    answer = local.ask("GET", "/v1/items/i7").json
    train = local.service.served(None).model.train
    assert answer["item"]["interactions"] == train.item_degree[train.items.rows(["i7"])[0]]
    assert answer["item"]["title"] == train.items.titles[int(train.items.rows(["i7"])[0])]


def test_items_by_the_words_of_their_titles(local):
    model = local.service.served(None).model
    titles = model.items.titles.to_list()
    counts = dict(zip(model.items.values.to_list(), model.train.item_degree, strict=True))
    found = local.ask("GET", "/v1/items?query=QUIET&limit=50").json["items"]
    assert {each["title"] for each in found} == {each for each in titles if "Quiet" in each}
    by_count = [counts[each["item_id"]] for each in found]
    assert by_count == sorted(by_count, reverse=True)
    first = local.ask("GET", "/v1/items?query=the%20q&limit=1").json["items"]
    assert len(first) == 1
    assert first[0]["title"].startswith("The Q")
    assert local.ask("GET", "/v1/items?query=%5B(.*").json["items"] == []


def test_users_by_their_ids(local):
    found = local.ask("GET", "/v1/users?query=u19&limit=20").json["users"]
    assert {each["user_id"] for each in found} == {"u19", *(f"u19{n}" for n in range(10))}


def test_what_a_user_has(local):
    model = local.service.served(None).model
    answer = local.ask("GET", "/v1/users/u7").json
    row = model.users.rows(["u7"])[0]
    own = model.train.item_idx[model.train.indptr[row] : model.train.indptr[row + 1]]
    assert [each["item_id"] for each in answer["items"]] == model.items.raw(own).to_list()
    assert answer["user"] == {"user_id": "u7", "interactions": len(own)}


def test_the_newest_of_a_history_comes_first(tmp_path):
    data = generate(50, 30, 400, seed=3, timestamps=True)
    Recommender("itemknn").fit(data).save(tmp_path / "m")
    answer = Local(tmp_path / "m").ask("GET", "/v1/users/u7").json
    frame = data.to_frame().filter(user_id="u7").sort("timestamp", descending=True)
    moments = dict(frame.select("item_id", "timestamp").iter_rows())
    order = [moments[each["item_id"]] for each in answer["items"]]
    assert order == sorted(moments.values(), reverse=True)
    assert len(set(order)) > 2


def test_the_model_in_its_own_words(local):
    answer = local.ask("GET", "/v1/model").json
    assert (answer["method"], answer["users"], answer["items"]) == ("bpr", 200, 120)
    assert answer["model"] in answer["models"]
    spectrum = local.ask("GET", "/v1/model/spectrum").json
    measured = local.service.served(None).model.spectrum()
    assert spectrum["effective_rank"] == measured.effective_rank
    assert len(spectrum["singular_values"]) == 16


def test_a_method_without_embeddings_has_no_spectrum(saved):
    assert Local(saved("ease")).ask("GET", "/v1/model/spectrum").status == 404


def test_two_models_beside_each_other(saved):
    local = Local(saved(), saved("ease"))
    names = [each["name"] for each in local.ask("GET", "/v1/model").json["models"]]
    assert names == ["bpr-0", "ease-0"]
    asked = [("POST", "/v1/recommend", {"users": ["u1"], "model": name}) for name in names]
    answers = [reply.json for reply in local.together(*asked)]
    assert answers == [local.ask(*each).json for each in asked]
    assert [each["model"]["name"] for each in answers] == names
    assert answers[0]["lists"] != answers[1]["lists"]
    reply = local.post("/v1/recommend", users=["u1"], model="none")
    assert (reply.status, reply.json["field"]) == (404, "$.model")


@pytest.mark.parametrize(
    ("path", "body", "status", "field"),
    [
        ("/v1/recommend", b"", 400, "$"),
        ("/v1/recommend", b'{"users": ["u1"]', 400, "$"),
        ("/v1/recommend", b'{"users": [NaN]}', 400, "$"),
        ("/v1/recommend", b'{"users": ["\xff"]}', 400, "$"),
        ("/v1/recommend", b'{"users": ["\\ud800"]}', 400, "$"),
        ("/v1/recommend", b"[" * 100_000, 422, "$"),
        ("/v1/recommend", DEEP, 422, "$"),
        ("/v1/recommend", b"null", 422, "$"),
        ("/v1/recommend", b"{}", 422, "$.users"),
        ("/v1/recommend", b'{"users": []}', 422, "$.users"),
        ("/v1/recommend", b'{"users": "u1"}', 422, "$.users"),
        ("/v1/recommend", b'{"users": ["u1", true]}', 422, "$.users[1]"),
        ("/v1/recommend", b'{"users": ["u1", 1.5]}', 422, "$.users[1]"),
        ("/v1/recommend", b'{"users": ["u1"], "k": 0}', 422, "$.k"),
        ("/v1/recommend", b'{"users": ["u1"], "k": 1001}', 422, "$.k"),
        ("/v1/recommend", b'{"users": ["u1"], "k": 1e400}', 422, "$.k"),
        ("/v1/recommend", b'{"users": ["u1"], "k": ' + b"9" * 500 + b"}", 422, "$.k"),
        ("/v1/recommend", b'{"users": ["u1"], "k": ' + b"9" * 50 + b"}", 422, "$.k"),
        ("/v1/recommend", b'{"users": ["u1"], "kk": 3}', 422, "$.kk"),
        ("/v1/recommend", b'{"users": ["u1"], "exclude": ["all"]}', 422, "$.exclude[0]"),
        ("/v1/recommend", json.dumps({"users": ["u"] * 1001}).encode(), 422, "$.users"),
        ("/v1/recommend", json.dumps({"users": ["u"] * 900, "k": 900}).encode(), 422, "$.k"),
        ("/v1/recommend", json.dumps({"users": ["u"], "deny": ["i"] * 1001}).encode(), 422,
         "$.deny"),
        ("/v1/recommend/session", b'{"items": [{}]}', 422, "$.items[0]"),
        ("/v1/recommend/session", json.dumps({"items": ["i"] * 1001}).encode(), 422, "$.items"),
        ("/v1/similar", b'{"items": ["i1", "nothing"]}', 404, "$.items[1]"),
        ("/v1/explain", b'{"item": "i1"}', 422, "$.user"),
        ("/v1/explain", b'{"item": "none", "user": "u1"}', 404, "$.item"),
        ("/v1/explain", b'{"item": "i1", "user": "none"}', 404, "$.user"),
        ("/v1/nothing", b"{}", 404, "path"),
    ],
)  # fmt: skip
def test_a_problem_names_the_field(local, path, body, status, field):
    reply = local.ask("POST", path, body)
    assert (reply.status, reply.json.get("field")) == (status, field), reply.body
    assert reply.headers["content-type"] == PROBLEM
    assert set(reply.json) <= {"title", "status", "detail", "field"}
    assert "/" not in reply.json["detail"].replace("/docs", "")
    assert len(reply.body) < 700


@pytest.mark.parametrize(
    "target",
    [
        "/v1/items/none",
        "/v1/users/none",
        "/v1/items?limit=0",
        "/v1/items?limit=99",
        "/v1/items?limit=%FF",
        "/v1/users?limit=1e3",
        "/v1/items?query=x&limit=" + "9" * 5000,
        "/v1/items?" + "&".join(f"{letter}=1" for letter in "abcdefghijklmnopqrstuv"),
        "/v1/model?model=x",
        "/v1/model/report",
    ],
)
def test_a_bad_question(local, target):
    reply = local.ask("GET", target, b"")
    assert reply.status in (404, 422)
    assert reply.headers["content-type"] == PROBLEM


def test_another_method_is_refused(local):
    for path in POST_PATHS:
        reply = local.ask("GET", path)
        assert (reply.status, reply.headers["allow"]) == (405, "POST")
    assert local.ask("POST", "/v1/model", {}).headers["allow"] == "GET"
    assert local.ask("DELETE", "/", {}).status == 405


def test_more_requests_than_may_be_at_a_time(saved):
    local = Local(saved(), concurrency=2)
    requests = [("POST", "/v1/recommend", {"users": ["u1"]})] * 5
    replies = local.together(*requests)
    assert [each.status for each in replies] == [200, 200, 429, 429, 429]
    assert replies[2].headers["retry-after"] == "1"
    assert local.together(*requests[:2])[1].status == 200


def test_a_body_that_is_too_large(saved):
    reply = Local(saved(), max_body=1000).post("/v1/recommend", users=["u" * 2000])
    assert (reply.status, reply.headers["connection"]) == (413, "close")


def test_the_document_lists_every_endpoint(local):
    document = local.ask("GET", "/openapi.json").json
    assert document["info"]["version"] == __version__
    for route in ROUTES:
        operation = document["paths"][route.path][route.method.lower()]
        assert operation["summary"]
        assert {"200", "422"} <= set(operation["responses"])
    text = json.dumps(document)
    for name in text.split('"#/components/schemas/')[1:]:
        assert name.partition('"')[0] in document["components"]["schemas"]
    request = document["components"]["schemas"]["RecommendRequest"]
    assert request["properties"]["k"]["maximum"] == 1000
    assert request["properties"]["users"]["maxItems"] == 1000
    assert request["additionalProperties"] is False


def test_keys(saved, tmp_path):
    path = tmp_path / "keys"
    path.write_text("# ours\n0123456789abcdef\nfedcba9876543210\n")
    local = Local(saved(), key_file=str(path))
    for path_ in ("/v1/model", "/metrics", "/v1/model/report", "/v1/nothing"):
        assert local.ask("GET", path_).status == 401
    wrong = [(b"authorization", b"Bearer 0123456789abcdeF")]
    assert local.ask("GET", "/v1/model", headers=wrong).status == 401
    for right in (
        (b"authorization", b"Bearer fedcba9876543210"),
        (b"x-api-key", b"0123456789abcdef"),
    ):
        assert local.ask("GET", "/v1/model", headers=[right]).status == 200
    for path_ in ("/", "/docs", "/openapi.json", "/healthz", "/readyz"):
        assert local.ask("GET", path_).status == 200


def test_metrics(local):
    local.post("/v1/recommend", users=["u1"])
    text = local.ask("GET", "/metrics").body.decode()
    assert 'fullrank_requests_total{endpoint="/v1/recommend",status="200"}' in text
    assert "fullrank_product_requests_sum" in text


def test_an_error_of_ours_shows_nothing_of_it(local, monkeypatch, capfd):
    served = local.service.served(None)

    def fail(jobs):
        raise ZeroDivisionError("/secret/path")

    monkeypatch.setattr(served, "rank", fail)
    reply = local.post("/v1/recommend", users=["u1"])
    assert reply.status == 500
    assert b"secret" not in reply.body
    said = capfd.readouterr().err
    assert said.count("\n") == 1
    assert "ZeroDivisionError" in said


def test_one_request_that_cannot_be_answered_does_not_take_others_with_it(local, monkeypatch):
    served, rank = local.service.served(None), local.service.served(None).rank

    def fail(jobs):
        if any(job.k == 13 for job in jobs):
            raise ZeroDivisionError
        return rank(jobs)

    monkeypatch.setattr(served, "rank", fail)
    requests = [("POST", "/v1/recommend", {"users": ["u1"], "k": k}) for k in (5, 13, 7)]
    assert [each.status for each in local.together(*requests)] == [200, 500, 200]


def test_what_is_just_the_query_comes_first(local):
    found = local.ask("GET", "/v1/users?query=u17&limit=3").json["users"]
    assert found[0]["user_id"] == "u17"
    assert found[1]["interactions"] >= found[2]["interactions"]


def test_a_visitor_without_a_history(local):
    model = local.service.served(None).model
    answer = local.post("/v1/recommend/session", items=[], k=3).json
    frame = model.fold_in({"v": []}, strict=False).recommend(k=3)
    assert [each["item_id"] for each in answer["items"]] == frame["item_id"].to_list()
    assert answer["source"] == "popular"
