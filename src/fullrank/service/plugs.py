"""Where rules at ranking time and reasons for recommendations join the service.

Rules: `rules_of` makes them of a request's JSON, `with_rules` ranks by them. Reasons: `explain`.
Each is a method of the model; one that this version of the library has not is a problem 501.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

import fullrank
from fullrank.errors import DataError, SettingError
from fullrank.recommender import Recommender
from fullrank.service.messages import Id
from fullrank.service.problems import Problem, refuse


def takes_rules() -> bool:
    """Whether requests may have rules."""
    return hasattr(fullrank, "Rules")


def rules_of(document: Mapping[str, Any]) -> Any:
    """The rules that a request's ``rules`` say.

    Raises:
        Problem: they are no rules; the detail names which.
    """
    kind = getattr(fullrank, "Rules", None)
    if kind is None:
        raise Problem(501, "found rules; expected none: this version ranks without", "$.rules")
    try:
        return kind.from_json(dict(document))
    except (DataError, SettingError) as error:
        refuse(f"$.rules: {error.where}", error.found, error.expected)


def with_rules(model: Recommender, users: Sequence[Id], k: int, **options: Any) -> pl.DataFrame:
    """The frame of `Recommender.recommend` with ``rules`` among the options."""
    try:
        return model.recommend(list(users), k, strict=False, source=True, **options)
    except (DataError, SettingError) as error:
        refuse(f"$.rules: {error.where}", error.found, error.expected)


def explains(model: Recommender) -> bool:
    """Whether reasons can be asked for."""
    return hasattr(model, "explain")


def explain(model: Recommender, user: Id, item: Id) -> list[tuple[Id, float]]:
    """The items of the user's history and what each adds to the item's score, strongest first.

    Raises:
        Problem: this model or this version gives no reasons.
    """
    if not explains(model):
        raise Problem(501, "found no reasons; expected a version or a method that gives them")
    try:
        frame: pl.DataFrame = model.explain(user, item)  # type: ignore[attr-defined]
    except (DataError, SettingError) as error:
        raise Problem(422, f"found {error.found}; expected {error.expected}", "$.item") from None
    return list(zip(*(frame[name].to_list() for name in ("item_id", "share")), strict=True))
