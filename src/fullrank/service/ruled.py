"""Rules at ranking time, and reasons for recommendations, as requests ask for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from fullrank.errors import DataError, FullrankError, SettingError
from fullrank.recommender import Recommender
from fullrank.rules import Rules
from fullrank.service.messages import Id, Reason
from fullrank.service.problems import Problem


def rules_of(document: Mapping[str, Any]) -> Rules:
    """The rules that a request's ``rules`` say.

    Raises:
        Problem: they are no rules; the field says which.
    """
    try:
        return Rules.from_json(dict(document))
    except (DataError, SettingError) as error:
        raise _of_rules(error) from None


def with_rules(model: Recommender, users: Sequence[Id], k: int, **options: Any) -> pl.DataFrame:
    """The frame of `Recommender.recommend` with ``rules`` among the options.

    Raises:
        Problem: the model cannot keep these rules: it has not the attributes that they name, say.
    """
    try:
        return model.recommend(list(users), k, strict=False, source=True, **options)
    except (DataError, SettingError) as error:
        raise _of_rules(error) from None


def explain(model: Recommender, user: Id, item: Id, most: int) -> tuple[float, list[Reason]]:
    """The score of an item for a user, and what carried it, the strongest first.

    Raises:
        Problem: the user or the item is not known.
    """
    try:
        frame = model.explain(user, [item], most=most)
    except FullrankError as error:
        raise Problem(422, f"found {error.found}; expected {error.expected}", "$.item") from None
    names = ("kind", "contribution", "share", "part", "because_item_id", "because_title")
    columns = [frame[name].to_list() if name in frame.columns else [None] * len(frame)
               for name in names]  # fmt: skip
    reasons = [Reason(*values) for values in zip(*columns, strict=True)]
    return float(frame["score"][0]) if len(frame) else 0.0, reasons


def _of_rules(error: FullrankError) -> Problem:
    rule, _, place = error.where.removeprefix("rules").lstrip(", ").partition(", ")
    field = f"$.rules.{rule}" if rule else "$.rules"
    detail = f"found {error.found}; expected {error.expected}"
    return Problem(422, f"{place}: {detail}" if place else detail, field)
