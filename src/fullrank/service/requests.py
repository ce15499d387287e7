"""From a decoded request to what is ranked; every bound of the settings is checked here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullrank.service.messages import PARTS, Choice, Id, RecommendRequest, SessionRequest
from fullrank.service.problems import Problem, refuse
from fullrank.service.ranking import Rows, Served, SessionJob, UsersJob
from fullrank.service.settings import ServiceSettings


def check_ids(ids: Sequence[Id] | None, field: str, settings: ServiceSettings) -> None:
    """Refuses more ids than a request may have."""
    if ids is not None and len(ids) > settings.max_ids:
        refuse(field, f"{len(ids)} ids", f"at most {settings.max_ids}")


def check_k(k: int, lists: int, settings: ServiceSettings) -> None:
    """Refuses longer lists than an answer may have, each or together."""
    if k > settings.max_k:
        refuse("$.k", _number(k), f"at most {settings.max_k}")
    if k * lists > settings.max_items:
        most = f"at most {settings.max_items} items in all"
        refuse("$.k", f"{k} for each of {lists} lists", most)


def users_job(
    request: RecommendRequest, served: Served, settings: ServiceSettings
) -> tuple[UsersJob, Rows]:
    """What to rank for users, and their rows.

    Raises:
        Problem: a bound is exceeded, a part has no such name, or a user is unknown and the
            settings want 404.
    """
    check_ids(request.users, "$.users", settings)
    check_k(request.k, len(request.users), settings)
    for at, name in enumerate(request.exclude):
        if name not in PARTS:
            refuse(f"$.exclude[{at}]", "no such part", f"one of {', '.join(PARTS)}")
    rows = served.users.rows(request.users)
    if settings.unknown == "404":
        refuse_unknown(rows, "$.users", "a user of the training data")
    exclude = tuple(dict.fromkeys(request.exclude)) if request.exclude_seen else ()
    return UsersJob(rows, request.k, exclude, candidates_of(request, served, settings)), rows


def session_job(
    request: SessionRequest, served: Served, settings: ServiceSettings
) -> tuple[SessionJob, list[Id]]:
    """What to rank for a visitor, and the items that the model does not know.

    Raises:
        Problem: a bound is exceeded.
    """
    check_ids(request.items, "$.items", settings)
    check_k(request.k, 1, settings)
    rows = served.items.rows(request.items)
    unknown = [request.items[at] for at in np.flatnonzero(rows < 0)]
    history = np.unique(rows[rows >= 0])
    return SessionJob(history, request.k, candidates_of(request, served, settings)), unknown


def candidates_of(
    request: Choice, served: Served, settings: ServiceSettings
) -> NDArray[np.bool_] | None:
    """Which items a request lets be recommended; unknown ids are passed over."""
    if request.allow is None and request.deny is None:
        return None
    mask = np.full(len(served.items.ids), request.allow is None)
    for ids, field, value in ((request.allow, "allow", True), (request.deny, "deny", False)):
        check_ids(ids, f"$.{field}", settings)
        rows = served.items.rows(ids or [])
        mask[rows[rows >= 0]] = value
    return mask


def refuse_unknown(rows: NDArray[Any], field: str, expected: str) -> None:
    """Raises 404 where a row is -1; the field says which."""
    unknown = np.flatnonzero(rows < 0)
    if len(unknown):
        where = f"{field}[{int(unknown[0])}]"
        raise Problem(404, f"found an unknown id; expected {expected}", where)


def _number(value: int) -> str:
    return str(value) if abs(value) < 10**18 else "a number of more than 18 digits"
