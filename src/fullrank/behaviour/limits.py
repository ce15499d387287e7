"""How far a model may go: thresholds of the checks, and the file that changes them."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from fullrank.errors import DataError, SettingError
from fullrank.settings import nearest


class Limit(NamedTuple):
    """The limit of a check."""

    value: float | None
    """None: measured and not judged."""
    at_least: bool
    """Whether a value has to reach it, or not to exceed it."""
    what: str
    """What is measured, in words."""


LIMITS: dict[str, Limit] = {
    "over_popular": Limit(1.05, True, "recall@20 over that of the popular list"),
    "remembers": Limit(0.7, True, "mean place of a user's own items among all, 1 first, .5 random"),
    "short_histories": Limit(0.2, True, "recall@20 of the shortest quarter of histories over all"),
    "long_histories": Limit(0.2, True, "recall@20 of the longest quarter of histories over all"),
    "rare_items": Limit(0.001, True, "recall@20 of held-out items outside the popular fifth"),
    "one_item_less": Limit(0.3, True, "overlap of the first ten when one of the history is gone"),
    "same_ten": Limit(0.05, False, "share of users with the same first ten items"),
    "never_shown": Limit(0.8, False, "share of trained items in nobody's first hundred"),
    "ties": Limit(0.05, False, "share of users with a tie of scores at the tenth place"),
    "dimensions": Limit(0.1, True, "effective rank over the width of the embeddings"),
    "against": Limit(0.1, True, "overlap of the first ten with those of the other model"),
    "ids_kept": Limit(0.5, True, "share of the other model's users and items that are known"),
    "id_types": Limit(0.0, False, "kinds of ids whose type is not the other model's"),
    "another_seed": Limit(0.1, True, "overlap of the first ten with those of another seed"),
}
"""By the name of the check. They are loose: a good model of any data passes, a broken one fails."""


def limits_of(changed: Mapping[str, float | None]) -> dict[str, Limit]:
    """The limits with some of them changed; None switches a judgement off.

    Raises:
        SettingError: there is no such check, or a value is no number.
    """
    limits = dict(LIMITS)
    for name, value in changed.items():
        if name not in limits:
            raise SettingError("limit", repr(name), nearest(name, limits))
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if value is not None and not (number and math.isfinite(value)):
            raise SettingError(f"limit {name}", repr(value), "a number, or false for no limit")
        limits[name] = limits[name]._replace(value=value)
    return limits


def read_limits(path: Path) -> dict[str, Limit]:
    """The limits in a TOML file of lines such as ``same_ten = 0.1`` and ``ties = false``.

    Raises:
        DataError: the file cannot be read or is no TOML.
        SettingError: there is no such check, or a value is no number.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DataError(str(path), reason, "a TOML file of limits") from None
    except (ValueError, RecursionError) as error:  # no TOML, no UTF-8, too long, too deep
        raise DataError(str(path), str(error), "lines such as same_ten = 0.1") from None
    try:
        return limits_of(
            {name: None if value is False else value for name, value in values.items()}
        )
    except SettingError as error:
        raise SettingError(f"{path}, {error.where}", error.found, error.expected) from None
