"""The ASGI application: routing, keys, limits, problems, the log; no framework in between.

With a literal table of a dozen routes and msgspec for the bodies, a framework would add its own
cost to each request and nothing that is not here.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from fullrank.errors import FullrankError
from fullrank.service import catalogue, metrics, openapi, static
from fullrank.service.access_log import say
from fullrank.service.body import read_body
from fullrank.service.messages import Health
from fullrank.service.problems import CONTENT_TYPE, Problem, of_decoding
from fullrank.service.refusals import too_many
from fullrank.service.routes import BELOW, DECODERS, EXACT, ROUTES, Route
from fullrank.service.service import Service

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
JSON = b"application/json"
OPEN = ("/healthz", "/readyz", "/openapi.json")
"""What needs no key, beside the page and its files."""
UNREAD = 2**15
"""Bytes of a body that is not read before its request is refused, from which on the connection is
closed rather than read to the end."""


class Answer:
    """What is sent.

    Args:
        body: Its bytes.
        kind: Its content type.
        status: The HTTP status.
        headers: Further headers.
    """

    __slots__ = ("body", "headers", "kind", "status")

    def __init__(
        self,
        body: bytes,
        kind: bytes = JSON,
        status: int = 200,
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        self.body, self.kind, self.status, self.headers = body, kind, status, headers


class Asked:
    """What a request turns out to be, as far as it has been read: for the log.

    Args:
        scope: Of ASGI.
    """

    __slots__ = ("begun", "endpoint", "ids", "method", "path", "read", "scope")

    def __init__(self, scope: Any) -> None:
        self.begun = time.perf_counter()
        self.scope, self.method, self.path = scope, scope["method"], scope["path"]
        self.endpoint = "other"
        self.ids: Any = None
        self.read = False

    @property
    def left(self) -> bool:
        """Whether a large body was left unread."""
        if self.read or self.method in ("GET", "HEAD"):
            return False
        size = dict(self.scope["headers"]).get(b"content-length", b"")
        return not size.isdigit() or len(size) > 9 or int(size) > UNREAD


class App:
    """Answers requests by a service.

    Args:
        service: The models and what ranks with them.
    """

    def __init__(self, service: Service) -> None:
        self.service = service
        self._alone = service.settings.workers == 1  # else a front has read the whole body
        self._encode = msgspec.json.Encoder().encode
        self._openapi = self._encode(openapi.document(service.settings))

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """An ASGI call; every request is answered, and every answer is counted and logged."""
        if scope["type"] != "http":
            return
        asked = Asked(scope)
        try:
            answer = await self._answer(asked, receive)
        except Problem as problem:
            answer = Answer(problem.body(), CONTENT_TYPE, problem.status, problem.headers)
        except ConnectionError:  # the client has gone
            self._log(asked, 499, 0)
            return
        except FullrankError as error:
            say(f"{asked.method} {asked.endpoint}: {error}")
            answer = self._unexpected(503, "the model cannot answer this")
        except Exception:
            lines = " | ".join(traceback.format_exc().splitlines())
            say(f"{asked.method} {asked.endpoint}: {lines}")
            answer = self._unexpected(500, "an error of the service; its log has the details")
        await self._send(asked, answer, send)

    def _unexpected(self, status: int, detail: str) -> Answer:
        return Answer(Problem(status, detail).body(), CONTENT_TYPE, status)

    async def _send(self, asked: Asked, answer: Answer, send: Send) -> None:
        length = str(len(answer.body)).encode()
        headers = [(b"content-type", answer.kind), (b"content-length", length), *answer.headers]
        if answer.status >= 400 and asked.left and self._alone:
            headers.append((b"connection", b"close"))
        self._log(asked, answer.status, len(answer.body))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    def _log(self, asked: Asked, status: int, size: int) -> None:
        seconds = time.perf_counter() - asked.begun
        self.service.metrics.request(asked.endpoint, status, seconds)
        line = {"method": asked.method, "endpoint": asked.endpoint, "status": status,
                "ms": round(1000 * seconds, 3), "bytes": size}  # fmt: skip
        if self.service.settings.log_ids and asked.ids is not None:
            line["ids"] = asked.ids
        self.service.log.request(**line)

    async def _answer(self, asked: Asked, receive: Receive) -> Answer:
        method, path = asked.method, asked.path
        found = static.FILES.get(path)
        if found is not None:
            asked.endpoint = path
            self._only(method, "GET")
            return Answer(found.body, found.kind, headers=found.headers)
        if path in OPEN:
            asked.endpoint = path
            self._only(method, "GET")
            return self._plain(path)
        if not self.service.keys.open_to(asked.scope["headers"]):
            raise Problem(401, "found no key that is known; expected one as Authorization: Bearer",
                          "Authorization", ((b"www-authenticate", b"Bearer"),))  # fmt: skip
        if path in ("/metrics", "/v1/model/report"):
            asked.endpoint = path
            self._only(method, "GET")
            return await self._own(asked)
        return await self._limited(asked, self._route(asked), receive)

    def _only(self, method: str, *allowed: str) -> None:
        # uvicorn leaves the body out of the answer to HEAD
        if method not in allowed and not (method == "HEAD" and "GET" in allowed):
            allow = ", ".join(allowed)
            headers = ((b"allow", allow.encode()),)
            raise Problem(405, f"found this method; expected {allow}", "method", headers)

    def _plain(self, path: str) -> Answer:
        if path == "/openapi.json":
            return Answer(self._openapi)
        ready = path == "/healthz" or not self.service.draining
        health = Health("ok" if ready else "ending")
        return Answer(self._encode(health), status=200 if ready else 503)

    async def _own(self, asked: Asked) -> Answer:
        service = self.service
        if asked.path == "/metrics":
            text = await service.aside(service.metrics.text)
            return Answer(text, metrics.CONTENT_TYPE)
        served = service.served(_query(asked).get("model"))
        body = await service.aside(partial(catalogue.report, served))
        return Answer(body, static.HTML, headers=static.SAFE)

    def _route(self, asked: Asked) -> Route:
        route = EXACT.get(asked.path)
        if route is None:
            route = next((BELOW[each] for each in BELOW if asked.path.startswith(each)), None)
        if route is None:
            raise Problem(404, "found no such path; /docs lists them", "path")
        asked.endpoint = route.path
        self._only(asked.method, route.method)
        return route

    async def _limited(self, asked: Asked, route: Route, receive: Receive) -> Answer:
        """The answer, unless as many requests are worked on as may be."""
        service = self.service
        if service.in_flight >= service.settings.concurrency:
            raise too_many(service.in_flight)
        service.in_flight += 1
        service.metrics.in_flight.set(service.in_flight)
        try:
            return Answer(self._encode(await self._called(asked, route, receive)))
        finally:
            service.in_flight -= 1
            service.metrics.in_flight.set(service.in_flight)

    async def _called(self, asked: Asked, route: Route, receive: Receive) -> msgspec.Struct:
        service = self.service
        if route.request is None:
            query = _query(asked)
            if not route.path.endswith("{id}"):
                return await route.handler(service, query)
            asked.ids = asked.path[len(route.path) - len("{id}") :]
            return await route.handler(service, asked.ids, query)
        asked.read = True
        body = await read_body(asked.scope["headers"], receive, service.settings)
        try:
            request = DECODERS[route.path].decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
            raise of_decoding(error) from None
        asked.ids = getattr(request, "users", None) or getattr(request, "items", None)
        return await route.handler(service, request)


def _query(asked: Asked) -> dict[str, str]:
    """The parameters after the question mark; the last of each name counts."""
    text = asked.scope["query_string"].decode("ascii", "replace")
    try:
        return dict(parse_qsl(text, max_num_fields=20))
    except ValueError:
        raise Problem(422, "found too many parameters; expected at most 20", "query") from None


assert len(EXACT) + len(BELOW) == len(ROUTES)  # noqa: S101  # no path twice
