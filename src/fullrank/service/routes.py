"""The endpoints in a literal table: the app routes by it, and the OpenAPI document lists it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from fullrank.service import endpoints as e
from fullrank.service import messages as m

Handler = Callable[..., Awaitable[msgspec.Struct]]


@dataclass(frozen=True)
class Route:
    """An endpoint that answers with JSON.

    Args:
        method: ``GET`` or ``POST``.
        path: With ``{id}`` at the end where an id follows.
        handler: Called with the service and the request, or the id and the query.
        answer: Type of the answer.
        request: Type of the body, of a POST.
        parameters: Names of query parameters and what they are, of a GET.
    """

    method: str
    path: str
    handler: Handler
    answer: type[msgspec.Struct]
    request: type[msgspec.Struct] | None = None
    parameters: tuple[tuple[str, str], ...] = ()

    @property
    def summary(self) -> str:
        """The first line of what the handler says of itself."""
        return (self.handler.__doc__ or "").strip().splitlines()[0]


MODEL = ("model", "Name of a model; the first if absent.")
LIMIT = ("limit", f"How many, 1 to {e.MOST_FOUND}; 10 if absent.")
ROUTES = (
    Route("POST", "/v1/recommend", e.recommend, m.RecommendAnswer, m.RecommendRequest),
    Route("POST", "/v1/recommend/session", e.session, m.SessionAnswer, m.SessionRequest),
    Route("POST", "/v1/similar", e.similar, m.SimilarAnswer, m.SimilarRequest),
    Route("POST", "/v1/explain", e.explain, m.ExplainAnswer, m.ExplainRequest),
    Route("GET", "/v1/items", e.items, m.ItemsAnswer,
          parameters=(("query", "Words of the title."), LIMIT, MODEL)),
    Route("GET", "/v1/items/{id}", e.item, m.ItemAnswer, parameters=(MODEL,)),
    Route("GET", "/v1/users", e.users, m.UsersAnswer,
          parameters=(("query", "Letters of the id."), LIMIT, MODEL)),
    Route("GET", "/v1/users/{id}", e.user, m.HistoryAnswer, parameters=(MODEL,)),
    Route("GET", "/v1/model", e.model, m.ModelAnswer, parameters=(MODEL,)),
    Route("GET", "/v1/model/spectrum", e.spectrum, m.SpectrumAnswer, parameters=(MODEL,)),
)  # fmt: skip
DECODERS: dict[str, msgspec.json.Decoder[Any]] = {
    route.path: msgspec.json.Decoder(route.request) for route in ROUTES if route.request
}
EXACT = {route.path: route for route in ROUTES if not route.path.endswith("{id}")}
BELOW = {route.path.removesuffix("{id}"): route for route in ROUTES if route.path.endswith("{id}")}
"""Routes to what an id names, by what stands before it."""
