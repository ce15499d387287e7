"""What a client gets for a bad request: a JSON problem (RFC 9457) that names the field."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import NoReturn

import msgspec

CONTENT_TYPE = b"application/problem+json"
LONGEST = 300
"""Characters of a detail; field names in it are the client's own and may have any length."""
_AT = re.compile(r"(?P<what>.*?)(?: - at `(?P<field>\$[^`]*)`)?", re.DOTALL)
_NAMED = re.compile(r"Object (?:missing required|contains unknown) field `(?P<name>.*)`", re.DOTALL)


class Document(msgspec.Struct, omit_defaults=True, rename={"kind": "type"}):
    """A problem as it is sent."""

    title: str
    """The name of the status."""
    status: int
    """The HTTP status."""
    detail: str
    """What was found and what was expected."""
    field: str | None = None
    """JSON path of the field at fault, or the name of a parameter or header."""
    kind: str = "about:blank"
    """The status says what kind of problem it is."""


class Problem(Exception):  # noqa: N818  # the word of the standard
    """Ends a request with a problem.

    Args:
        status: The HTTP status.
        detail: What was found and what was expected; no path of the machine.
        field: What is at fault.
        headers: Further headers of the answer.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        field: str | None = None,
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        super().__init__(status, detail, field)
        self.status, self.detail, self.field, self.headers = status, detail, field, headers

    def body(self) -> bytes:
        """The JSON."""
        title = HTTPStatus(self.status).phrase
        field = None if self.field is None else _short(self.field)
        return msgspec.json.encode(Document(title, self.status, _short(self.detail), field))


def refuse(field: str, found: str, expected: str) -> NoReturn:
    """Raises the problem of a field with a value that cannot be used."""
    raise Problem(422, f"found {found}; expected {expected}", field)


def of_decoding(error: Exception) -> Problem:
    """The problem of a body that is no JSON, or another than the endpoint takes."""
    if isinstance(error, RecursionError):
        return Problem(422, "found a body nested too deeply; expected a flat object", "$")
    if not isinstance(error, msgspec.ValidationError):
        return Problem(400, "found a body that is not JSON; expected a JSON object in UTF-8", "$")
    match = _AT.fullmatch(str(error))
    what, field = (match["what"], match["field"] or "$") if match else (str(error), "$")
    named = _NAMED.fullmatch(what)
    return Problem(422, what, f"{field}.{named['name']}" if named else field)


def _short(text: str) -> str:
    clean = text.encode("utf-8", "replace").decode()
    return clean if len(clean) <= LONGEST else f"{clean[:LONGEST]}…"
