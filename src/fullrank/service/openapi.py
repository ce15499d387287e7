"""The OpenAPI document, made of the table of routes and the types of messages."""

from __future__ import annotations

from typing import Any

import msgspec

from fullrank import __version__
from fullrank.service.messages import Health
from fullrank.service.problems import Document
from fullrank.service.routes import ROUTES, Route
from fullrank.service.settings import ServiceSettings

PLAIN = {"/healthz": "Whether the process lives.", "/readyz": "Whether it takes requests."}
REFUSALS = {
    "400": "The body is no JSON.",
    "401": "No key, or a wrong one.",
    "404": "No such id, model or path.",
    "405": "Another method than the endpoint has.",
    "408": "The body did not come in time.",
    "413": "The body is too large.",
    "422": "A field is missing, unknown, of another type or out of bounds.",
    "429": "Too many requests at a time.",
    "503": "The service is about to end.",
}


def document(settings: ServiceSettings) -> dict[str, Any]:
    """The document, version 3.1."""
    types = {route.answer for route in ROUTES} | {Document, Health}
    types |= {route.request for route in ROUTES if route.request}
    ordered = sorted(types, key=lambda each: each.__name__)
    _, components = msgspec.json.schema_components(
        ordered, ref_template="#/components/schemas/{name}"
    )
    _bounds(components, settings)
    paths: dict[str, Any] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, settings)
    for path, summary in PLAIN.items():
        answer = _json("Health", "The status.")
        paths[path] = {"get": {"summary": summary, "responses": {"200": answer, "503": answer}}}
    text = {"text/plain": {"schema": {"type": "string"}}}
    metrics = {"200": {"description": "Metrics.", "content": text}}
    paths["/metrics"] = {"get": {"summary": "Metrics for Prometheus.", "responses": metrics}}
    made: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": "fullrank serve", "version": __version__},
        "paths": paths,
        "components": {"schemas": components},
    }
    if settings.key_file is not None:
        schemes = {
            "bearer": {"type": "http", "scheme": "bearer"},
            "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        }
        made["components"]["securitySchemes"] = schemes
        made["security"] = [{name: []} for name in schemes]
    return made


def _bounds(components: dict[str, Any], settings: ServiceSettings) -> None:
    """Adds to the schemas what the settings allow."""
    for each in components.values():
        for name, field in each.get("properties", {}).items():
            if name == "k":
                field["maximum"] = settings.max_k
            for kind in (field, *field.get("anyOf", ())):
                listed = name in ("users", "items", "allow", "deny") and "default" not in each
                if listed and kind.get("type") == "array" and "$ref" not in kind["items"]:
                    kind["maxItems"] = settings.max_ids


def _operation(route: Route, settings: ServiceSettings) -> dict[str, Any]:
    problems = dict(REFUSALS)
    if settings.key_file is None:
        del problems["401"]
    responses = {
        status: _json("Document", what, "application/problem+json")
        for status, what in problems.items()
    }
    responses["200"] = _json(route.answer.__name__, "The answer.")
    operation: dict[str, Any] = {
        "operationId": route.handler.__name__,
        "summary": route.summary,
        "responses": dict(sorted(responses.items())),
    }
    if route.request:
        body = _json(route.request.__name__, "")["content"]
        operation["requestBody"] = {"required": True, "content": body}
    path = [("id", "path", True, "The id.")] if route.path.endswith("{id}") else []
    query = [(name, "query", False, what) for name, what in route.parameters]
    if path or query:
        operation["parameters"] = [
            {"name": name, "in": place, "required": required, "description": what,
             "schema": {"type": "integer" if name == "limit" else "string"}}
            for name, place, required, what in (*path, *query)
        ]  # fmt: skip
    return operation


def _json(name: str, what: str, kind: str = "application/json") -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{name}"}
    return {"description": what, "content": {kind: {"schema": schema}}}
