"""What each endpoint does with a request that has been decoded."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import polars as pl

from fullrank.service import catalogue, requests, ruled
from fullrank.service import messages as m
from fullrank.service.problems import Problem, refuse
from fullrank.service.ranking import Served
from fullrank.service.service import Service
from fullrank.serving.frames import many

MOST_FOUND = 50
"""Items or users that a query finds."""
Query = Mapping[str, str]


async def recommend(service: Service, request: m.RecommendRequest) -> m.RecommendAnswer:
    """Top-k lists for users; an unknown one gets the popular list, and it is said."""
    served = service.served(request.model)
    job, rows = requests.users_job(request, served, service.settings)
    if request.rules is not None:
        lists = await service.aside(partial(_with_rules, served, request))
    else:
        lists = await service.lists(served, job)
    ids = served.users.raw(np.maximum(rows, 0)) if len(served.users.ids) else request.users
    known, cold = (rows >= 0).tolist(), served.trained.cold(rows).tolist()
    return m.RecommendAnswer(
        served.name,
        [
            m.UserList(own if there else given, there, "popular" if few else "model", items)
            for given, own, there, few, items in zip(
                request.users, ids, known, cold, lists, strict=True
            )
        ],
    )


async def session(service: Service, request: m.SessionRequest) -> m.SessionAnswer:
    """A list for a visitor without an account, from the items of the visit."""
    served = service.served(request.model)
    job, unknown = requests.session_job(request, served, service.settings)
    if request.rules is not None:
        (items,) = await service.aside(partial(_session_with_rules, served, request))
    else:
        (items,) = await service.lists(served, job)
    source = "model" if len(job.items) else "popular"
    return m.SessionAnswer(served.name, source, unknown, items)


async def similar(service: Service, request: m.SimilarRequest) -> m.SimilarAnswer:
    """Items near items, by the cosine of embeddings or the method's own weights."""
    served = service.served(request.model)
    requests.check_ids(request.items, "$.items", service.settings)
    requests.check_k(request.k, len(request.items), service.settings)
    rows = served.items.rows(request.items)
    requests.refuse_unknown(rows, "$.items", "an item of the training data")
    ids = served.items.raw(rows)
    frame = await service.aside(
        lambda: served.model.similar_items(list(dict.fromkeys(ids)), request.k)
    )
    near = _by(frame, "item_id", "similar_item_id")
    return m.SimilarAnswer(served.name, [m.Neighbours(each, near.get(each, [])) for each in ids])


async def explain(service: Service, request: m.ExplainRequest) -> m.ExplainAnswer:
    """Which items of a history carry a recommendation, and how much of its score."""
    served = service.served(request.model)
    if (request.user is None) == (request.items is None):
        refuse("$.user", "both a user and items, or neither", "one of them")
    requests.check_ids(request.items, "$.items", service.settings)
    rows = served.items.rows([request.item])
    if rows[0] < 0:
        raise Problem(404, "found an unknown id; expected an item of the training data", "$.item")
    (item,) = served.items.raw(rows)
    model, user = served.model, request.user
    if user is not None:
        own = served.users.rows([user])
        if own[0] < 0:
            raise Problem(404, "found an unknown id; expected a known user", "$.user")
        (user,) = served.users.raw(own)
    history, most = request.items, request.most

    def reasons() -> tuple[float, list[m.Reason]]:
        if user is not None:
            return ruled.explain(model, user, item, most)
        return ruled.explain(model.fold_in({VISITOR: history}, strict=False), VISITOR, item, most)

    return m.ExplainAnswer(served.name, item, *(await service.aside(reasons)))


async def item(service: Service, raw: str, query: Query) -> m.ItemAnswer:
    """An item of the catalogue."""
    served = service.served(query.get("model"))
    rows = served.items.rows([raw])
    if rows[0] < 0:
        raise Problem(404, "found an unknown id; expected an item of the training data", "id")
    return m.ItemAnswer(served.name, catalogue.items(served, rows)[0])


async def items(service: Service, query: Query) -> m.ItemsAnswer:
    """Items whose title (or id) holds some words, for a field that completes what is typed."""
    served, limit = service.served(query.get("model")), _limit(query)
    words = query.get("query", "")
    rows = await service.aside(lambda: served.items.search(words, limit))
    return m.ItemsAnswer(served.name, catalogue.items(served, rows))


async def user(service: Service, raw: str, query: Query) -> m.HistoryAnswer:
    """A user of the training data, and what the user has."""
    served = service.served(query.get("model"))
    rows = served.users.rows([raw])
    if rows[0] < 0:
        raise Problem(404, "found an unknown id; expected a user of the training data", "id")
    return catalogue.history(served, int(rows[0]))


async def users(service: Service, query: Query) -> m.UsersAnswer:
    """Users whose id holds some letters."""
    served, limit = service.served(query.get("model")), _limit(query)
    words = query.get("query", "")
    rows = await service.aside(lambda: served.users.search(words, limit))
    return m.UsersAnswer(served.name, catalogue.users(served, rows))


async def model(service: Service, query: Query) -> m.ModelAnswer:
    """The model in its own words, and the names of all that are served."""
    return catalogue.about(service.served(query.get("model")), service.names)


async def spectrum(service: Service, query: Query) -> m.SpectrumAnswer:
    """The singular values of the embeddings."""
    served = service.served(query.get("model"))
    return await service.aside(partial(catalogue.spectrum, served))


VISITOR = "visitor"
"""The id of who has none."""


def _with_rules(served: Served, request: m.RecommendRequest) -> list[list[m.Item]]:
    """Lists by rules. Ids that are given twice have one list in the frame, and both get it."""
    rows = served.users.rows(request.users)
    ids = served.users.raw(np.maximum(rows, 0))
    asked = [own if row >= 0 else given
             for own, row, given in zip(ids, rows, request.users, strict=True)]  # fmt: skip
    frame = ruled.with_rules(
        served.model,
        list(dict.fromkeys(asked)),
        request.k,
        rules=ruled.rules_of(request.rules or {}),
        exclude_seen=request.exclude_seen,
        exclude=request.exclude,
        allow=request.allow,
        deny=request.deny,
    )
    found = _by(frame, "user_id", "item_id")
    return [found.get(each, found.get(str(each), [])) for each in asked]


def _session_with_rules(served: Served, request: m.SessionRequest) -> list[list[m.Item]]:
    rules = ruled.rules_of(request.rules or {})
    folded = served.model.fold_in({VISITOR: many(request.items)}, strict=False)
    options = {"rules": rules, "allow": request.allow, "deny": request.deny}
    return [list(_by(ruled.with_rules(folded, [VISITOR], request.k, **options),
                     "user_id", "item_id").get(VISITOR, []))]  # fmt: skip


def _by(frame: pl.DataFrame, key: str, shown: str) -> dict[m.Id, list[m.Item]]:
    """The lists of a frame, by the id that each is for."""
    titles = frame["title"] if "title" in frame.columns else [None] * len(frame)
    columns = (frame[name].to_list() for name in (key, shown, "score", "rank"))
    lists: dict[m.Id, list[m.Item]] = {}
    for own, found, score, rank, title in zip(*columns, titles, strict=True):
        lists.setdefault(own, []).append(m.Item(found, score, rank, title))
    return lists


def _limit(query: Query) -> int:
    text = query.get("limit", "10")
    if not (text.isascii() and text.isdecimal() and len(text) < 6 and 1 <= int(text) <= MOST_FOUND):
        refuse("limit", "no such number", f"1 to {MOST_FOUND}")
    return int(text)
